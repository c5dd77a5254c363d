"""`inksight serve`: answers over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from inksight.serve.service import Service


def serve(
    model: Model = None,
    host: Host = LOOPBACK,
    port: Port = PORT,
    token: Token = None,
    allow_host: AllowHost = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Pages of this origin may call it: https://example.org.")
    ] = None,
    max_body_mib: MaxBody = 16,
    max_pictures: Annotated[int, typer.Option(help="The most pictures of a request.")] = 256,
    time_limit: Annotated[float, typer.Option(help="Seconds for a request; 504 after them.")] = 7,
    queue: Annotated[int, typer.Option(help="Requests at a time; 503 for more.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Answer over HTTP: POST /predict and /read with pictures, /v2 with tensors; /openapi.json says all of it.

    SIGTERM or Ctrl-C ends it when all is answered; SIGHUP loads RUN again without losing a request.
    """
    from inksight.serve.settings import MIB, Settings

    settings = Settings(
        body_bytes=max_body_mib * MIB,
        pictures=max_pictures,
        time_s=time_limit,
        queue=queue,
        token=token_or_variable(token),
        hosts=(host, *(allow_host or ())),
        origins=tuple(cors or ()),
    )

    def announce(service: Service, address: str) -> None:
        if as_json:
            emit({"address": address, "model": service.model.name, "version": service.model.version})
        else:
            note(f"{service.model.name} answers on {address}. Ctrl-C ends it.")

    answer(model, settings, (host, port), announce)
