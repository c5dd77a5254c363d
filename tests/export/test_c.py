"""The C file, compiled and asked; the oracles are ONNX Runtime, the Predictor and the plan walked in NumPy."""

import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

import inksight
from inksight.errors import EngineError
from inksight.export.c import compiler, literals
from inksight.export.c.compiler import c_answers
from inksight.export.c.memory import memory_of
from inksight.export.c.source import CALLS, c_snippet, c_source
from inksight.export.c.steps import MONOTONE, quantised, rounded, steps_of
from inksight.export.lowering import plan_of
from inksight.export.onnx import to_onnx
from inksight.export.plan import Plan
from inksight.export.replay import OPERATORS, replay
from inksight.imaging.decode import ParsedPicture
from inksight.imaging.digit import normalise
from inksight.models import NETS, build
from inksight.runs import SHIPPED, ModelCard, load_model_card, write_model

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, compiler.COMPILERS)), reason="there is no C compiler on this machine"
)

RANDOM = np.random.default_rng(0)
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wdouble-promotion", "-Werror", "-O2")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
NAMES = ('"', "\\", "??/", "é1", "%s", "*/", "\n", "零", "a\x80", "")


def program(path, folder, *more, language="c"):
    """A program of the file `path`, compiled so that every warning is an error."""
    out = folder / "program"
    compilers = {"c": [*compiler.c_compiler(), "-std=c99"], "c++": ["g++", "-std=c++17"]}
    command = [*compilers[language], *STRICT, *SANITIZED, "-x", language, path, *more, "-o", out, "-lm"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def run(program, *arguments) -> bytes:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def written(folder, text, name="model.c"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def plan_in(folder) -> Plan:
    return plan_of((folder / "model.onnx").read_bytes())


def card_of(shape, num_classes) -> ModelCard:
    return ModelCard(tuple(map(str, range(num_classes))), shape[0], shape[2], "resize")


def pictures(shape, count=8) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *shape), np.uint8)


def difference(plan, shape, folder, int8=False) -> float:
    """max |Δp| between the C file of a plan and the plan walked in NumPy."""
    images = pictures(shape)
    expected = replay(plan, images)
    path = written(folder, c_source(card_of(shape, expected.shape[1]), plan, int8))
    return float(np.abs(c_answers(path, images) - expected).max())


def plan_of_net(net, shape, knobs, **choices) -> Plan:
    """The plan of a network in which no weight, no bias either, is left at 0 or 1."""
    plan = plan_of(to_onnx(build(net, shape, 10, knobs, seed=0, **choices), {}).SerializeToString())
    return Plan(plan.operations, plan.weights + RANDOM.normal(0, 0.03, plan.weights.shape).astype(np.float32))


def plan_by_hand(*operations) -> Plan:
    """A plan of (operator, inputs, shape, details), whose details may be arrays."""
    weights, packed = [], []
    for operator, inputs, shape, details in operations:
        entry = {"operator": operator, "inputs": inputs, "shape": shape}
        for key, value in details.items():
            entry[key] = value
            if isinstance(value, np.ndarray):
                entry[key] = {"offset": sum(map(len, weights)), "shape": list(value.shape)}
                weights.append(value.ravel().astype(np.float32))
        packed.append(entry)
    return Plan(packed, np.concatenate(weights))


def linear(operator, inputs, shape, *kernel_shape, **details):
    """A convolution or a dense layer of random weights."""
    fan_in = np.prod(kernel_shape[:-1])
    kernel = RANDOM.normal(0, fan_in**-0.5, kernel_shape)
    return operator, inputs, shape, {"kernel": kernel, "bias": RANDOM.normal(0, 1, kernel_shape[-1]), **details}


def pixels(shape):
    """The first operation: bytes -> about -1 to 1."""
    return "scale", [0], list(shape), {"kernel": np.full(shape[2], 1 / 128), "bias": np.full(shape[2], -1.0)}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """(the shipped model's C file, what it was made of)."""
    text = c_source(load_model_card(SHIPPED), plan_in(SHIPPED))
    return written(tmp_path_factory.mktemp("shipped"), text)


def test_the_shipped_model_answers_as_the_predictor_does(shipped, mnist):
    images = mnist.train.images[:1000]
    expected = inksight.Predictor.shipped().probabilities(images)
    found = c_answers(shipped, images[..., None])
    assert np.abs(found - expected).max() <= 1e-5
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


@pytest.mark.slow
def test_it_is_sure_unsure_and_rejects_as_the_predictor_does(shipped, mnist, tmp_path):
    digits = mnist.train.images[:300]
    images = np.concatenate(
        [digits, (digits[:100] // 3 + digits[100:200] // 3), pictures((28, 28), 50), np.zeros((1, 28, 28), np.uint8)]
    )
    reader = inksight.Predictor.shipped()
    rows = reader.probabilities(images)
    expected = [reader.answer_of("", row, ParsedPicture(image)) for row, image in zip(rows, images, strict=True)]
    file = tmp_path / "pictures"
    file.write_bytes(images.tobytes())
    lines = run(program(shipped, tmp_path, "-DINKSIGHT_MAIN"), file).decode().splitlines()
    assert [line.split()[:2] for line in lines] == [[each.verdict, each.label] for each in expected]
    assert {each.verdict for each in expected} == {"class", "unsure", "rejected"}


@pytest.mark.parametrize("net", NETS)
def test_every_network_answers_as_its_plan(net, tmp_path):
    shape = (28, 28, 1)
    assert difference(plan_of_net(net, shape, {"filters": 9, "dense_units": 18}), shape, tmp_path) <= 1e-5


@pytest.mark.slow
def test_an_ensemble_in_colour_answers_as_the_predictor_does(tmp_path):
    shape = (21, 21, 3)
    model = build("compact", shape, 10, {"activation": "silu", "dense_units": 20}, seed=0, members=3)
    write_model(tmp_path, to_onnx(model, {}).SerializeToString(), replace(card_of(shape, 10), temperature=0.4))
    plan, reader, images = plan_in(tmp_path), inksight.Predictor.load(tmp_path), pictures(shape, 32)
    assert {"mean", "multiply"} <= {operation["operator"] for operation in plan.operations}
    path = written(tmp_path, c_source(reader.card, plan))
    assert np.abs(c_answers(path, images) - reader.probabilities(images)).max() <= 1e-5


@pytest.mark.parametrize("size", [27, 30])
@pytest.mark.parametrize("pool_size", [2, 3])
def test_odd_sizes_and_windows(size, pool_size, tmp_path):
    shape = (size, size, 1)
    plan = plan_of_net("tutorial", shape, {"pool_size": pool_size, "kernel_size": 4, "filters": 7}, members=1)
    assert difference(plan, shape, tmp_path) <= 1e-5


@pytest.mark.parametrize("activation", ["elu", "gelu", "leakyrelu", "relu", "selu", "sigmoid", "softplus", "tanh"])
def test_every_activation_far_from_0_too(activation, tmp_path):
    """The pool behind it comes first where the order does not matter; its input is wanted once more at the end."""
    alpha = {"alpha": 0.3} if activation in ("elu", "leakyrelu") else {}
    plan = plan_by_hand(
        ("scale", [0], [6, 6, 3], {"kernel": np.array([2.0, 0.02, 1e-4]), "bias": np.array([-255.0, -2.0, -1e-2])}),
        linear("convolve", [1], [5, 5, 20], 2, 2, 3, 20, strides=[1, 1]),
        (activation, [2], [5, 5, 20], alpha),
        ("pool", [3], [2, 2, 20], {"window": [2, 2], "strides": [2, 2]}),
        ("flatten", [4], [80], {}),
        linear("dense", [5], [7], 80, 7),
        (activation, [6], [7], alpha),
        ("multiply", [6, 7], [7], {}),
        ("softmax", [8], [7], {}),
    )
    assert difference(plan, (6, 6, 3), tmp_path) <= 1e-5
    order = [step.operator for step in steps_of(plan, (6, 6, 3), False)]
    assert ("pool" in order) == (activation not in MONOTONE)


@pytest.mark.parametrize("strides", [[1, 1], [2, 1], [1, 2], [3, 2]])
def test_padded_and_strided_windows(strides, tmp_path):
    plan = plan_by_hand(
        pixels((11, 11, 2)),
        ("pad", [1], [14, 13, 2], {"before": [2, 1], "value": 0.5}),
        linear("convolve", [2], [12, 10, 17], 3, 4, 2, 17, strides=[1, 1]),
        ("pool", [3], [-(-10 // strides[0]), -(-8 // strides[1]), 17], {"window": [3, 3], "strides": strides}),
        ("relu", [4], [-(-10 // strides[0]), -(-8 // strides[1]), 17], {}),
        ("maximum", [5], [1, 1, 17], {}),
        ("flatten", [6], [17], {}),
        ("average", [5], [1, 1, 17], {}),
        ("flatten", [8], [17], {}),
        ("concatenate", [7, 9, 7], [51], {}),
        linear("dense", [10], [3], 51, 3),
        ("softmax", [11], [3], {}),
    )
    assert difference(plan, (11, 11, 2), tmp_path) <= 1e-5


def test_pictures_joined_by_channel_and_one_value_read_many_times(tmp_path):
    plan = plan_by_hand(
        linear("convolve", [0], [3, 3, 5], 2, 2, 1, 5, strides=[1, 1]),  # of bytes
        ("concatenate", [1, 1], [3, 3, 10], {}),
        ("tanh", [1], [3, 3, 5], {}),
        ("mean", [1, 3, 1], [3, 3, 5], {}),
        ("concatenate", [4, 2, 3], [3, 3, 20], {}),
        ("average", [5], [1, 1, 20], {}),
        ("flatten", [6], [20], {}),
        ("scale", [7], [20], {"kernel": RANDOM.normal(0, 0.01, 20), "bias": RANDOM.normal(0, 1, 20)}),
        ("softmax", [8], [20], {}),
        ("flatten", [9], [20], {}),
    )
    assert difference(plan, (4, 4, 1), tmp_path) <= 1e-5


def test_every_operator_of_a_plan_is_written():
    become_others = {"dense", "flatten", "maximum"}
    assert set(CALLS) == set(OPERATORS) - become_others


def test_what_lives_at_once_lies_apart():
    steps = steps_of(plan_of_net("compact", (28, 28, 1), {"activation": "silu"}, members=2), (28, 28, 1), True)
    memory = memory_of(steps)
    last_use = {value: at for at, step in enumerate(steps) for value in step.inputs}
    sizes = {step.output: int(np.prod(step.shape)) for step in steps}
    for at, step in enumerate(steps):
        alive = [s.output for s in steps[:at] if last_use[s.output] > at] + [step.output]
        places = [(memory.offsets[value], sizes[value]) for value in alive if memory.offsets[value] is not None]
        ranges = sorted((start, start + size) for start, size in places)
        assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
        assert all(end <= memory.size for _, end in ranges)
    assert memory.size < sum(sizes.values()) / 4


def test_it_says_how_much_flash_and_ram_it_takes(shipped, tmp_path):
    text = shipped.read_text(encoding="utf-8")
    flash, ram = (int(number.replace(",", "")) for number in re.findall(r"(?:Flash|RAM): ([\d,]+)", text))
    done = subprocess.run([*compiler.c_compiler(), "-Os", "-c", shipped, "-o", tmp_path / "model.o"], check=True)
    assert done.returncode == 0
    sizes = subprocess.run(["size", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    code_and_constants, _, zeros = map(int, sizes.splitlines()[1].split()[:3])
    assert 0 < code_and_constants - flash < 8000
    assert 0 <= zeros - ram < 100
    assert ram < 32 * 1024


def test_int8_is_a_quarter_and_answers_as_its_rounded_weights_do(mnist, tmp_path):
    plan = plan_in(SHIPPED)
    images = mnist.train.images[:200, ..., None]
    text = c_source(replace(load_model_card(SHIPPED), temperature=1.0), plan, int8=True)
    found = c_answers(written(tmp_path, text), images)
    assert np.abs(found - replay(rounded(plan), images)).max() <= 1e-5
    assert (found.argmax(axis=1) == replay(plan, images).argmax(axis=1)).all()
    flash = int(re.search(r"Flash: ([\d,]+)", text)[1].replace(",", ""))
    assert flash < 0.26 * 4 * plan.weights.size


def test_rounded_weights_are_the_nearest_of_255():
    plan = plan_of_net("compact", (20, 20, 3), {"dense_units": 11})
    kernels = [entry["kernel"] for entry in plan.operations if entry["operator"] in ("convolve", "dense")]
    near = rounded(plan)
    for before, after in ((plan.constant(kernel), near.constant(kernel)) for kernel in kernels):
        largest = np.abs(before).max(axis=tuple(range(before.ndim - 1)))
        assert (np.abs(before - after) <= largest / 127 * 0.5001).all()
        assert max(len(np.unique(after[..., filter])) for filter in range(after.shape[-1])) <= 255
    assert np.count_nonzero(near.weights != plan.weights) <= sum(np.prod(kernel["shape"]) for kernel in kernels)


def test_a_filter_of_zeros_stays_one():
    kernel = np.zeros((3, 3, 2, 4), np.float32)
    kernel[..., 1] = -0.5
    factors, weights = quantised(kernel)
    assert np.isfinite(factors).all() and weights.dtype == np.int8
    assert np.allclose(factors * weights, kernel) and weights.min() == -127


FRAMING = """
#include MODEL
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments)
{
    static uint8_t image[SIZE * SIZE];
    FILE *file = fopen(arguments[count - 1], "rb");
    int size[2];
    while (fread(size, sizeof(int), 2, file) == 2) {
        const size_t bytes = (size_t)size[0] * (size_t)size[1];
        uint8_t *grey = (uint8_t *)malloc(bytes ? bytes : 1);
        if (grey == NULL || fread(grey, 1, bytes, file) != bytes) return 1;
        putchar(inksight_frame(grey, size[0], size[1], image));
        fwrite(image, 1, sizeof image, stdout);
        free(grey);
    }
    fclose(file);
    return 0;
}
"""


def test_it_frames_digits_as_python_does(mnist, tmp_path):
    inks = [np.zeros((0, 0), np.uint8), np.zeros((5, 7), np.uint8), np.full((1, 1), 3, np.uint8)]
    inks += [np.full((1, 50), 9, np.uint8), np.full((40, 1), 200, np.uint8), np.eye(20, dtype=np.uint8)]
    for number, digit in enumerate(mnist.train.images[:400]):
        shape = tuple(RANDOM.integers(12, 160, 2).tolist()) if number % 4 else (28, 28)
        ink = cv2.resize(digit, shape, interpolation=cv2.INTER_AREA if number % 3 else cv2.INTER_LINEAR)
        inks.append(np.pad(ink, tuple(map(tuple, RANDOM.integers(0, 30, (2, 2)).tolist()))))
    file = tmp_path / "inks"
    file.write_bytes(b"".join(np.array(ink.shape[::-1], np.int32).tobytes() + ink.tobytes() for ink in inks))
    card = replace(card_of((28, 28, 1), 2), preprocessing="digits")
    plan = plan_by_hand(("flatten", [0], [784], {}), linear("dense", [1], [2], 784, 2))
    model, client = written(tmp_path, c_source(card, plan)), written(tmp_path, FRAMING, "client.c")
    answers = run(program(client, tmp_path, f'-DMODEL="{model}"'), file)
    found = np.frombuffer(answers, np.uint8).reshape(len(inks), 785)
    assert found[:, 0].tolist() == [0, 0, *[1] * (len(inks) - 2)]
    assert not found[:2, 1:].any()
    expected = np.stack([normalise(ink).ravel() for ink in inks[2:]])
    assert np.abs(found[2:, 1:].astype(int) - expected).max() <= 1


def test_its_client_reads_a_dark_digit_on_paper(shipped, mnist, tmp_path):
    seven = next(digit for digit, label in zip(mnist.test.images, mnist.test.labels, strict=True) if label == 7)
    paper = np.full((120, 160), 220, np.uint8)
    paper[30:100, 50:120] -= (cv2.resize(seven, (70, 70)) * 0.8).astype(np.uint8)
    client = written(tmp_path, c_snippet(load_model_card(SHIPPED), str(shipped)), "client.c")
    asked = program(client, tmp_path, shipped)
    for picture, answer in ((paper, b"7\n"), (np.full_like(paper, 220), b"blank\n"), (paper[:9], None)):
        done = subprocess.run([asked], input=picture.tobytes(), capture_output=True)
        assert (done.stdout if done.returncode == 0 else None) == answer


def test_the_client_of_a_colour_model(tmp_path):
    card, image = card_of((4, 4, 3), 2), pictures((4, 4, 3), 1)
    plan = plan_by_hand(("flatten", [0], [48], {}), linear("dense", [1], [2], 48, 2), ("softmax", [2], [2], {}))
    path = written(tmp_path, c_source(card, plan))
    client = written(tmp_path, c_snippet(card, "model.c"), "client.c")
    done = subprocess.run([program(client, tmp_path, path)], input=image.tobytes(), capture_output=True, check=True)
    assert done.stdout.decode().split()[-1] == str(replay(plan, image).argmax())


CLIENT = """
#define INKSIGHT_HEADER
#define INKSIGHT_PREFIX left
#include "left.c"
#undef INKSIGHT_PREFIX
#define INKSIGHT_PREFIX right
#include "right.c"
#include <stdio.h>

int main(void)
{
    static const uint8_t image[left_size_px * left_size_px] = {255, 0, 128};
    float probabilities[left_num_classes];
    for (int i = 0; i < left_num_classes; ++i) printf("%s%c", left_labels[i], 0);
    printf("%d %d", left_predict(image, probabilities), right_predict(image, probabilities));
    return 0;
}
"""


@pytest.mark.parametrize("language", ["c", "c++"])
def test_two_models_live_in_one_program_and_keep_their_names(language, tmp_path):
    if language == "c++" and not shutil.which("g++"):
        pytest.skip("there is no C++ compiler on this machine")
    card = replace(card_of((4, 4, 1), 10), classes=NAMES, provenance={"data": {"name": "*/ ??/\n#error"}})
    plans = [plan_by_hand(("flatten", [0], [16], {}), linear("dense", [1], [10], 16, 10)) for _ in range(2)]
    for name, plan in zip(("left", "right"), plans, strict=True):
        path = written(tmp_path, c_source(card, plan), f"{name}.c")
        program(path, tmp_path, f"-DINKSIGHT_PREFIX={name}", "-c", language=language).rename(tmp_path / f"{name}.o")
    client = written(tmp_path, CLIENT, "client.c")
    objects = ("-x", "none", tmp_path / "left.o", tmp_path / "right.o")
    done = run(program(client, tmp_path, *objects, language=language))
    *names, numbers = done.split(b"\0")
    assert names == [name.encode() for name in NAMES]
    image = np.zeros((1, 4, 4, 1), np.uint8)
    image[0, 0, :3, 0] = 255, 0, 128
    assert numbers.decode() == " ".join(str(replay(plan, image).argmax()) for plan in plans)


def test_numbers_come_back_to_the_last_bit(tmp_path):
    bits = np.r_[RANDOM.integers(0, 2**32, 2000), 0, 2**31, 1, 0x007FFFFF, 0x7F7FFFFF, 0xFF7FFFFF].astype(np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    text = "#include <stdio.h>\n" + literals.array("values", values)
    path = written(tmp_path, text + "int main(void) { return fwrite(values, sizeof values, 1, stdout) != 1; }\n")
    assert run(program(path, tmp_path)) == values.tobytes()
    assert [literals.number(value) for value in (0.5, -0.25, 1e-7, 3.0)] == [".5f", "-.25f", "1e-07f", "3.0f"]


def test_a_weight_that_is_no_number_is_refused():
    plan = plan_by_hand(("flatten", [0], [16], {}), linear("dense", [1], [2], 16, 2))
    plan.weights[3] = np.nan
    with pytest.raises(EngineError, match="the model has a weight that is no finite number, which C has no words for"):
        c_source(card_of((4, 4, 1), 2), plan)


def test_without_a_compiler_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="no C compiler was found .* apt install gcc"):
        c_answers(tmp_path / "model.c", pictures((4, 4, 1)))


def test_a_compiler_for_another_machine_is_told(monkeypatch, tmp_path):
    other = tmp_path / "other-cc"
    other.write_bytes(b"\x7fELF of another processor")
    other.chmod(0o755)
    for value, said in ((str(other), "does not run here"), ("cc '", "which is no command|no command")):
        monkeypatch.setenv("CC", value)
        with pytest.raises(EngineError, match=said):
            c_answers(tmp_path / "model.c", np.zeros((1, 28, 28, 1), np.uint8))


def test_what_does_not_compile_or_fit_is_told(tmp_path):
    with pytest.raises(EngineError, match="could not compile the C file .exit code 1.:\n(.*\n)+.*error: expected"):
        c_answers(written(tmp_path, "int main(void) { return 0 }"), pictures((4, 4, 1)))
    plan = plan_by_hand(("flatten", [0], [16], {}), linear("dense", [1], [2], 16, 2))
    path = written(tmp_path, c_source(card_of((4, 4, 1), 2), plan))
    with pytest.raises(EngineError, match="answered 16 pictures where 8 of 32 bytes came"):
        c_answers(path, pictures((4, 4, 2)))
    with pytest.raises(
        EngineError, match="could not answer with the C file .exit code 1.*\n.*has 8 bytes; 16 were wanted"
    ):
        c_answers(path, pictures((3, 1, 1)))
