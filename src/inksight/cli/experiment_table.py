"""How an experiment shows itself, always on stderr: a table that fills on a terminal, a line a training elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inksight.cli.live_table import LiveTable
from inksight.cli.output import note, percent
from inksight.search.ablation.job import ExperimentCallback

if TYPE_CHECKING:
    from rich.table import Table

    from inksight.search.ablation.folder import Outcome
    from inksight.search.ablation.results import Effect, Experiment, SettingFigures

_STYLES = {"real": "bold", "failed": "red"}
_AROUND = 12  # lines of a terminal that are left for what stands around the table
_BESIDE = 62  # columns for what stands beside the names


class ExperimentTable(LiveTable, ExperimentCallback):
    """Shows an experiment while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Experiment | None = None
        self._running = ""

    def begun(self, experiment: Experiment) -> None:
        """See `inksight.search.ablation.job.ExperimentCallback`."""
        plan, done = experiment.plan, len(experiment.outcomes)
        there = f", {done:,} of them there already" if done else ""
        product = f"{len(plan.settings):,} settings × {plan.seeds} seeds = {len(plan.trials):,} trainings"
        note(f"{product}{there}; in {experiment.path}")
        self._start()
        self._show(experiment)

    def starting(self, setting: str, seed: int) -> None:
        """See `inksight.search.ablation.job.ExperimentCallback`."""
        self._running = setting
        if self._seen is not None:
            self._show(self._seen)

    def ended(self, outcome: Outcome, experiment: Experiment) -> None:
        """See `inksight.search.ablation.job.ExperimentCallback`."""
        self._show(experiment)
        if self._live is None:
            result = f"failed: {outcome.error}" if outcome.error else f"{percent(outcome.accuracy)} right"
            place = f"{len(experiment.outcomes)}/{len(experiment.plan.trials)}"
            note(f"{place} {outcome.setting}, seed {outcome.seed}: {result}, {outcome.seconds:.1f} s")

    def stopping(self) -> None:
        """See `inksight.search.ablation.job.ExperimentCallback`."""
        note("Ending here; what was finished is kept and shown. Ctrl-C again gives up the rest.")

    def _show(self, experiment: Experiment) -> None:
        self._seen = experiment
        if self._live is not None:
            self._live.update(self._table(experiment))

    def _table(self, experiment: Experiment) -> Table:
        """All settings, or those around the running one where the terminal is short."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        from inksight.search.ablation.plan import spoken

        console = self._live.console
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column("setting", no_wrap=True, max_width=max(12, console.width - _BESIDE))
        for name in ("seeds", "% right", "seconds", "points"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("so far", no_wrap=True)
        verdicts = {f"{effect.knob}={spoken(effect.value)}": effect for effect in experiment.effects}
        names = [each.name for each in experiment.settings]
        most = max(5, console.height - _AROUND)
        at = names.index(self._running) if self._running in names else 0
        first = max(0, min(at - most // 2, len(names) - most))
        for figures in experiment.settings[first : first + most]:
            effect = verdicts.get(figures.name)
            style = _STYLES.get(effect.verdict, "") if effect else ""
            mark = "▸ " if figures.name == self._running else "  "
            table.add_row(*map(Text, (mark + figures.name, *_cells(figures), *_told(effect))), style=style)
        return table


def _cells(figures: SettingFigures) -> tuple[str, str, str]:
    """Seeds, accuracy with its spread, and the seconds."""
    done = len(figures.accuracies)
    if not done:
        return "", "", ""
    spread = f" ± {100 * figures.sd:.2f}" if done > 1 else " " * 7
    return str(done), f"{100 * figures.mean:.2f}{spread}", f"{figures.seconds:.1f}"


def _told(effect: Effect | None) -> tuple[str, str]:
    """The difference and the verdict, in a word or two."""
    if effect is None or effect.verdict == "missing":
        return "", ""
    from inksight.search.ablation.results import points

    size = points(effect.judged.difference.value) if effect.judged else ""
    return size, f"too few {effect.judged.lacks}" if effect.judged and effect.verdict == "open" else effect.verdict
