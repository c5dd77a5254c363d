"""`inksight app`: a page to draw on, to look inside the network, to train and to teach."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from inksight.cli.listening import (
    LOOPBACK,
    PORT,
    AllowHost,
    Host,
    MaxBody,
    Port,
    Token,
    answer,
    token_or_variable,
)
from inksight.cli.model import Model
from inksight.cli.output import AsJson, emit, note
from inksight.errors import UsageError

if TYPE_CHECKING:
    from inksight.serve.service import Service


def app(
    model: Model = None,
    host: Host = LOOPBACK,
    port: Port = PORT,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say the address; open no window.")] = False,
    data: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="A data folder that may be trained on; can be given several times."),
    ] = None,
    corrections: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where answers that were put right are kept.")
    ] = Path("corrections"),
    token: Token = None,
    allow_host: AllowHost = None,
    max_body_mib: MaxBody = 64,
    as_json: AsJson = False,
) -> None:
    """Open a page in the browser: draw, see what the network sees, look inside it, train another, teach it.

    Everything stays on this machine. Ctrl-C ends it.
    """
    from inksight.serve.settings import MIB, Page, Settings

    for folder in data or ():
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder; --data takes folders of pictures, one folder for each class.")
    token = token_or_variable(token)
    settings = Settings(body_bytes=max_body_mib * MIB, token=token, hosts=(host, *(allow_host or ())))

    def announce(service: Service, address: str) -> None:
        page = f"{address}/" if token is None else f"{address}/#token={quote(token)}"
        if as_json:
            emit({"address": page, "model": service.model.name})
        else:
            note(f"The page is on {page}; {service.model.name} answers. Ctrl-C ends it.")
        if not no_browser:  # beside the service: a browser in the terminal would keep it from answering
            threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()

    answer(model, settings, (host, port), announce, Page(tuple(data or ()), corrections))
