"""`inksight doctor`: what is broken on purpose is found, with what mends it. Backends are asked in real processes."""

import json
import os
import stat
import subprocess
import sys
from importlib import metadata

import pytest

from inksight.doctor import CHECKS, examine, machine, places, software, trials
from inksight.doctor.child import ask
from inksight.doctor.visit import Visit

NAMES = [check.name for check in CHECKS]
QUICK = [check.name for check in CHECKS if not check.slow]


@pytest.mark.slow
def test_a_whole_visit_measures_and_trains(command, tmp_path):
    """Everything, for people; the folder is left as it was."""
    done = command(tmp_path, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    said = {line.split()[1]: line for line in done.stdout.splitlines() if line[:1] in ("✓", "!", "✗")}
    assert list(said) == NAMES
    assert "ms a training step instead of" in said["tuning"]
    assert "the shipped model reads a 7 as 7" in said["training"]
    assert done.stdout.splitlines()[-1].startswith("All is well")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a process that is kept to one core")
def test_facts_are_those_of_the_process(command, tmp_path):
    (tmp_path / "keras.py").write_text("raise SystemExit('a file of the folder is no package')")
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(ours)})  # which a child has from its parent
    try:
        done = command(tmp_path, "doctor", "--quick", "--json")
    finally:
        os.sched_setaffinity(0, ours)
    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout)
    found = {each["name"]: each["facts"] for each in told["findings"]}
    assert list(found) == QUICK
    assert (told["healthy"], told["fault"]) == (True, 0)
    assert found["packages"]["versions"]["keras"] == metadata.version("keras")
    assert (found["backends"]["used"], found["backends"]["named"]) == ("jax", os.environ["KERAS_BACKEND"])
    assert found["keras"]["backend"] == "jax"
    assert found["processor"]["usable"] == found["threads"]["training"] == 1
    assert all(found["tuning"]["flags"].values())
    assert found["cache"]["folder"] == os.environ["INKSIGHT_CACHE"]


def test_faults_end_it_with_exit_code_1(command, tmp_path):
    (tmp_path / "runs").write_text("a file")
    missing = {"KERAS_BACKEND": "torch", "PYTHONPATH": str(tmp_path)}
    done = command(tmp_path, "doctor", "--quick", env={**os.environ, **missing, "INKSIGHT_CACHE": "runs/cache"})
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    for name, mend in (("runs", "give: --out FOLDER"), ("cache", "export INKSIGHT_CACHE=FOLDER")):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"✗ {name} "))
        assert f"{tmp_path / 'runs'} is no folder" in lines[at]
        assert lines[at + 1].strip().startswith("→ ") and mend in lines[at + 1]
    assert " to mend" in lines[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="a folder where not even root can write")
def test_a_folder_that_nobody_can_write(monkeypatch):
    monkeypatch.chdir("/proc")
    finding = places.runs(Visit())
    assert finding.verdict == "fault"
    assert "/proc/runs cannot be written" in finding.words


def test_little_space(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "_LEAST_BYTES", 10**18)
    finding = places.runs(Visit())
    assert finding.verdict == "fault"
    assert finding.mend.startswith("free some space")


def test_a_backend_that_is_asked_for_and_missing(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    finding = software.backends(Visit())
    if "torch" in finding.facts["working"]:
        pytest.skip("torch is installed here")
    assert finding.verdict == "fault"
    assert "KERAS_BACKEND names torch, which is not installed" in finding.words
    assert finding.mend == "pip install --upgrade 'inksight[torch]', or: unset KERAS_BACKEND"


def test_a_backend_that_is_broken(monkeypatch, tmp_path):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("raise ImportError('half an installation')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)  # a training on the CPU leaves it in its process
    finding = software.backends(Visit())
    assert finding.verdict == "fault"
    assert "jax does not start: ImportError: half an installation" in finding.words
    assert finding.mend == "pip install --force-reinstall jax"


@pytest.mark.parametrize(
    ("content", "verdict", "words"),
    [
        ('{"floatx": "float16"}', "fault", "has floatx float16"),
        ('{"image_data_format": "channels_first"}', "fault", "has image_data_format channels_first"),
        ("[]", "fault", "holds no JSON object"),
        ("{half", "warning", "is no JSON"),
        ('{"backend": "torch", "floatx": "float32"}', "fine", "changes nothing"),
    ],
)
def test_a_keras_config(monkeypatch, tmp_path, content, verdict, words):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text(content)
    finding = software.keras_settings(Visit())
    assert finding.verdict == verdict
    assert words in finding.words
    place = tmp_path / "keras.json"
    assert finding.mend == (None if verdict == "fine" else f"mv {place} {place}.old")


def test_keras_does_not_start_with_a_config_that_is_no_object(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text("[]")
    assert "AttributeError" in ask("backend", "jax").trouble


def test_keras_that_cannot_be_imported_by_itself(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys; sys.meta_path[:] = sys.meta_path[-3:]"
    )  # as without the .pth
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND")
    finding = software.keras_settings(Visit())
    assert finding.verdict == "fault" and "import keras fails: " in finding.words
    assert finding.mend == "export KERAS_BACKEND=jax, or: pip install --force-reinstall inksight"


def test_flags_of_the_user_that_undo_the_tuning(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=true")
    finding = trials.tuning(Visit(quick=True))
    assert finding.verdict == "warning"
    assert finding.mend == "unset XLA_FLAGS"
    assert finding.facts["flags"] == {
        "xla_cpu_experimental_ynn_fusion_type": True,
        "xla_cpu_use_fusion_emitters": False,
    }


def test_flags_that_abort_the_process(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_no_such_flag=1")
    visit = Visit(quick=True)
    finding = software.backends(visit)
    assert finding.verdict == "fault"
    assert "Unknown flag in XLA_FLAGS: --xla_no_such_flag=1" in finding.words
    assert finding.mend == "unset XLA_FLAGS"
    assert trials.tuning(visit).words == "not looked at: jax does not start"


def test_platforms_that_are_not_there(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    finding = software.backends(Visit())
    if finding.verdict == "fine":
        pytest.skip("a GPU is here")
    assert "jax does not start: JAX finds nothing to compute on" in finding.words
    assert finding.mend == "unset JAX_PLATFORMS"


def test_a_package_that_is_too_old(monkeypatch, tmp_path):
    about = tmp_path / "numpy-1.26.4.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n")
    monkeypatch.syspath_prepend(tmp_path)
    finding = software.packages(Visit())
    assert finding.verdict == "fault"
    assert "numpy>=2.2 is wanted, 1.26.4 is there" in finding.words
    assert finding.mend == "pip install --upgrade 'numpy>=2.2'"


def test_extras_are_there_with_all_that_they_need(monkeypatch, tmp_path):
    extras = software.extras(Visit()).facts
    assert {"share", "sklearn"} <= set(extras["there"])
    assert "gpu" in extras["not_there"]  # jax is there, its CUDA is not
    about = tmp_path / "scikit_learn-1.2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.2.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    finding = software.extras(Visit())
    assert finding.verdict == "warning"
    assert finding.mend == "pip install --upgrade 'inksight[sklearn]'"


def test_a_card_that_the_backend_does_not_see(monkeypatch, tmp_path):
    """The driver's own program is stood in for: it prints what it prints on a machine with a card."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA L4, 23034 MiB, 580.65.06'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    visit = Visit()
    finding = machine.gpu(visit)
    assert finding.verdict == "fault"
    assert finding.mend == 'pip install "inksight[gpu]"'
    assert finding.words == "NVIDIA L4, 23034 MiB, 580.65.06: jax does not see it"
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    finding = machine.gpu(visit)
    assert (finding.verdict, finding.mend) == ("warning", "unset JAX_PLATFORMS")


def test_a_process_that_gives_no_answer(monkeypatch, tmp_path):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert ask("backend", "jax", limit_s=1).trouble == "it gave no answer in 1 s"


@pytest.mark.slow
def test_a_training_that_fails_is_a_finding(monkeypatch, tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise ImportError('no pictures today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = trials.training(Visit())
    assert finding.verdict == "fault"
    assert "a small training failed: ImportError: no pictures today" in finding.words


def test_a_check_that_fails_itself_is_a_finding(monkeypatch):
    monkeypatch.setattr(machine, "_affinity", lambda: None)
    found = {each.name: each for each in examine(quick=True)}
    assert list(found) == QUICK
    assert found["processor"].verdict == "fault"
    assert found["processor"].words.startswith("this check itself failed: TypeError")
    assert found["memory"].verdict == "fine"


def test_it_runs_where_no_command_starts(command, tmp_path):
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text("raise ImportError('a wheel for another processor')")
    broken = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert "a wheel for another processor" in command(tmp_path, "predict", "mnist:0", env=broken).stderr
    program = [sys.executable, "-m", "inksight.doctor", "--quick", "--json"]
    done = subprocess.run(program, cwd=tmp_path, env=broken, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    found = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
    assert list(found) == QUICK
    assert "ImportError: a wheel for another processor" in found["backends"]["words"]
    assert found["temporary"]["verdict"] == "fine"


def test_limits_of_containers_are_heeded(tmp_path):
    """Files as both versions of control groups have them; the narrowest of those around a process holds."""
    own = tmp_path / "cgroup"
    own.write_text("0::/user.slice/mine\n")
    inner = tmp_path / "user.slice" / "mine"
    inner.mkdir(parents=True)
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("150000 100000\n")
    (inner / "memory.max").write_text("2000000000\n")
    (inner / "memory.current").write_text("500000000\n")
    assert machine._cpu_quota(tmp_path, own) == 1.5
    assert machine._memory_limit(tmp_path, own) == (2e9, 5e8)
    old = tmp_path / "old"
    group = old / "cpu,cpuacct" / "docker"
    group.mkdir(parents=True)
    own.write_text("4:cpu,cpuacct:/docker\n2:memory:/docker\n")
    (group / "cpu.cfs_quota_us").write_text("50000\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    assert machine._cpu_quota(old, own) == 0.5
    assert machine._memory_limit(old, own) is None


def test_a_container_with_less_time_than_cores(monkeypatch):
    monkeypatch.setattr(machine, "_cpu_quota", lambda: 0.5)
    monkeypatch.setattr(machine, "_affinity", lambda: 2)
    finding = machine.processor(Visit())
    assert finding.verdict == "warning"
    assert finding.facts["usable"] == 0.5
    assert finding.mend == f"taskset -c {min(os.sched_getaffinity(0))} inksight …"
