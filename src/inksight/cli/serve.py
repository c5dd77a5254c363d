"""`inksight serve`: answers over HTTP."""

from __future__ import annotations

import ipaddress
import logging
import os
import sys
from typing import Annotated

import typer

from inksight.cli.output import AsJson, emit, note


def serve(
    model: Annotated[str, typer.Option(metavar="RUN", help="A run folder, latest or shipped.")] = "shipped",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines ask, too.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            show_default="INKSIGHT_TOKEN of the environment",
            help="Ask for this bearer token. On the command line others see it in ps.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name it may be called by, beside localhost and addresses."),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Pages of this origin may call it: https://example.org.")
    ] = None,
    max_body_mib: Annotated[int, typer.Option(help="The largest body of a request.")] = 16,
    max_pictures: Annotated[int, typer.Option(help="The most pictures of a request.")] = 256,
    time_limit: Annotated[float, typer.Option(help="Seconds for a request; 504 after them.")] = 7,
    queue: Annotated[int, typer.Option(help="Requests at a time; 503 for more.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Answer over HTTP: POST /predict and /read with pictures, /v2 with tensors; /openapi.json says all of it.

    SIGTERM or Ctrl-C ends it when all is answered; SIGHUP loads RUN again without losing a request.
    """
    from inksight.serve.server import listen, run
    from inksight.serve.service import Service
    from inksight.serve.settings import MIB, Settings

    # typer's own way would take an empty variable for none, and leave open what was meant to be closed
    token = os.environ.get("INKSIGHT_TOKEN") if token is None else token
    settings = Settings(
        body_bytes=max_body_mib * MIB,
        pictures=max_pictures,
        time_s=time_limit,
        queue=queue,
        token=token,
        hosts=(host, *(allow_host or ())),
        origins=tuple(cors or ()),
    )
    # not the warnings: anyone who sends nonsense could fill the log with them
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="%(message)s")
    logging.getLogger("inksight").setLevel(logging.INFO)
    listener = listen(host, port)
    bound, number = listener.getsockname()[:2]
    if token is None and not ipaddress.ip_address(bound).is_loopback:
        note(f"Warning: whoever reaches {bound} may ask this service. Ask for a token: set INKSIGHT_TOKEN.")
    service = Service(model, settings)
    address = f"http://{f'[{bound}]' if ':' in bound else bound}:{number}"

    def announce() -> None:
        if as_json:
            emit({"address": address, "model": service.model.name, "version": service.model.version})
        else:
            note(f"{service.model.name} answers on {address}. Ctrl-C ends it.")

    run(service, listener, announce)
