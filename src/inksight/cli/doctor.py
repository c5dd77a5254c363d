"""`inksight doctor`: whether all is well on this machine, and what mends what is not."""

from __future__ import annotations

from typing import Annotated

import typer

from inksight.cli.output import AsJson


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Only look: measure no tuning and train nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at this machine: versions, backends, processor, GPU, folders, tuning, and a real small training."""
    from inksight.doctor import examine
    from inksight.doctor.telling import tell

    if not tell(examine(quick), as_json):
        raise typer.Exit(1)
