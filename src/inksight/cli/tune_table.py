"""How a search shows itself, always on stderr: a table that moves on a terminal, a line a trial elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from inksight.cli.live_table import LiveTable
from inksight.cli.output import note, percent
from inksight.search.tune.conduct import TuneCallback

if TYPE_CHECKING:
    from rich.table import Table

    from inksight.search.tune.conduct import Running
    from inksight.search.tune.folder import TrialOutcome
    from inksight.search.tune.plan import TunePlan
    from inksight.search.tune.results import Search

_BEST = 5  # finished trials that are shown
_AROUND = 8  # lines of a terminal that are left for what stands around the table


class TuneTable(LiveTable, TuneCallback):
    """Shows a search while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: TunePlan | None = None

    def begun(self, search: Search) -> None:
        """See `inksight.search.tune.conduct.TuneCallback`."""
        self._plan = search.plan
        there = f", {len(search.outcomes):,} of them there already" if search.outcomes else ""
        note(
            f"{search.plan.trials:,} trials around the {search.plan.preset} preset{there}, {len(search.plan.space)} "
            f"choices searched; on {search.where}; in {search.path}"
        )
        self._start()

    def changed(self, running: Iterable[Running], outcomes: Sequence[TrialOutcome]) -> None:
        """See `inksight.search.tune.conduct.TuneCallback`."""
        if self._live is not None and self._plan is not None:
            self._live.update(self._table(self._plan, list(running), outcomes))

    def ended(self, outcome: TrialOutcome, count: int) -> None:
        """See `inksight.search.tune.conduct.TuneCallback`."""
        if self._live is None and self._plan is not None:
            note(
                f"{count}/{self._plan.trials} trial {outcome.number}: {told(outcome)}, {outcome.seconds:.1f} s; "
                f"{spoken_point(self._plan, outcome)}"
            )

    def stopping(self) -> None:
        """See `inksight.search.tune.conduct.TuneCallback`."""
        note("Ending here; what was finished is kept. Ctrl-C again gives up at once.")

    def _table(self, plan: TunePlan, running: list[Running], outcomes: Sequence[TrialOutcome]) -> Table:
        """The best trials, those under way, and how many ended how."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        from inksight.search.tune.results import KINDS
        from inksight.search.tune.trial import LOOKS

        counts = [(kind, sum(outcome.ended == kind for outcome in outcomes)) for kind in KINDS]
        title = f"{len(outcomes):,} of {plan.trials:,} trials: " + ", ".join(f"{n:,} {kind}" for kind, n in counts if n)
        table = Table(
            box=SIMPLE_HEAD, show_edge=False, pad_edge=False, caption=title.rstrip(": "), caption_justify="left"
        )
        for name in ("trial", *(f"at {look} %" for look in LOOKS), "at the end", "seconds"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("what differs", no_wrap=True)
        finished = sorted((o for o in outcomes if o.ended == "finished"), key=lambda o: (-(o.accuracy or 0), o.number))
        for place, outcome in enumerate(finished[:_BEST]):
            looks = dict(outcome.looks)
            seen = [_percent(looks.get(look)) for look in LOOKS]
            cells = (str(outcome.number), *seen, _percent(outcome.accuracy), f"{outcome.seconds:.1f}")
            table.add_row(*map(Text, (*cells, spoken_point(plan, outcome))), style="" if place else "bold")
        room = max(2, self._live.console.height - _AROUND - len(finished[:_BEST]))
        for one in running[:room]:
            seen = [_percent(one.looks.get(look)) for look in LOOKS]
            table.add_row(*map(Text, (f"▸ {one.number}", *seen, "", "", spoken_point(plan, one))), style="dim")
        return table


def spoken_point(plan: TunePlan, trial: TrialOutcome | Running) -> str:
    """What a trial's recipe differs from the base in."""
    from inksight.search.ablation.plan import spoken
    from inksight.search.tune.space import base_value

    changed = [f"{name}={spoken(value)}" for name, value in trial.point.items() if value != base_value(plan.base, name)]
    return " ".join(changed) or "nothing"


def told(outcome: TrialOutcome) -> str:
    """How a trial ended, in a few words."""
    if outcome.error is not None:
        return f"failed: {outcome.error}"
    if outcome.ended == "too slow":
        return f"too slow, {outcome.latency_ms:g} ms a picture"
    right = f"{percent(outcome.accuracy or 0.0)} right"
    return right if outcome.ended == "finished" else f"stopped at {outcome.share:g} %, {right}"


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{100 * rate:.2f}"
