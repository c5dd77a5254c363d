"""What `inksight serve` and `inksight app` share: their common options, and the way to a service that answers."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from inksight.cli.model import chosen_model
from inksight.cli.output import note

if TYPE_CHECKING:
    from inksight.serve.service import Service
    from inksight.serve.settings import Page, Settings

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines ask, too.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")]
Token = Annotated[
    str | None,
    typer.Option(
        show_default="INKSIGHT_TOKEN of the environment",
        help="Ask for this bearer token. On the command line others see it in ps.",
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A name it may be called by, beside localhost and addresses."),
]
MaxBody = Annotated[int, typer.Option("--max-body-mib", help="The largest body of a request.")]
LOOPBACK = "127.0.0.1"
PORT = 8000


def token_or_variable(token: str | None) -> str | None:
    """The token given, or else the environment's. Typer's own way would take an empty variable for none, and leave open
    what was meant to be closed."""
    return os.environ.get("INKSIGHT_TOKEN") if token is None else token


def answer(
    model: str | None,
    settings: Settings,
    place: tuple[str, int],
    announce: Callable[[Service, str], None],
    page: Page | None = None,
) -> None:
    """Answers over HTTP until a signal ends it.

    Args:
        model: as on the command line; None for the default.
        place: host and port.
        announce: is told the service and its address once it answers.
        page: as for `serve.app.create_app`.
    """
    from inksight.serve.server import listen, run
    from inksight.serve.service import Service

    # not the warnings: anyone who sends nonsense could fill the log with them
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="%(message)s")
    logging.getLogger("inksight").setLevel(logging.INFO)
    with listen(*place) as listener:
        bound, number = listener.getsockname()[:2]
        if settings.token is None and not ipaddress.ip_address(bound).is_loopback:
            note(f"Warning: whoever reaches {bound} may ask this service. Ask for a token: set INKSIGHT_TOKEN.")
        service = Service(chosen_model(None) if model is None else model, settings)
        address = f"http://{f'[{bound}]' if ':' in bound else bound}:{number}"
        run(service, listener, lambda: announce(service, address), page)
