"""Pictures out of a request's body: one as it is, or the files of a form. All in memory, all bounded."""

from __future__ import annotations

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from inksight.inference.predictor import UNNAMED
from inksight.serve.admission import Place

FORM = "multipart/form-data"
RAW = "application/octet-stream"


@dataclass(frozen=True)
class Upload:
    """The bytes of a picture and what the client calls it: a word for answers and errors, never a path."""

    name: str
    content: bytes


def form_boundary(request: Request) -> bytes | None:
    """What separates the files of a form; None where the body is one picture. Raises the 415 for anything else."""
    content_type, options = parse_options_header(request.headers.get("content-type", RAW))
    kind = content_type.decode("latin-1")
    if kind == FORM:
        return options.get(b"boundary", b"")
    if kind == RAW or kind.startswith("image/"):
        return None
    raise HTTPException(
        415, f"the content type {kind} came; that of a picture, image/png for instance, {RAW} or {FORM} was wanted."
    )


async def body_of(request: Request, place: Place) -> bytes:
    """Reads a body of bounded size, whether its length is declared or not."""
    if (encoding := request.headers.get("content-encoding", "identity")) != "identity":
        raise HTTPException(415, f"the body's encoding is {encoding}; none was wanted. Send it as it is.")
    if (declared := request.headers.get("content-length", "")).isdecimal():
        place.expect(int(declared))
    chunks = []
    async for chunk in request.stream():
        place.take(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def files_of(body: bytes, boundary: bytes, most: int) -> list[Upload]:
    """The files of a form, in their order; at least one."""
    found: list[Upload] = []

    def keep(file: File) -> None:
        if len(found) == most:
            raise HTTPException(413, f"more than {most} pictures came; send less at a time.")
        file.file_object.seek(0)
        found.append(Upload(_text(file.file_name) or UNNAMED, file.file_object.read()))

    def refuse(field: Field) -> None:
        raise HTTPException(400, f'the field "{_text(field.field_name)}" is no file; send each picture as a file.')

    try:
        parser = FormParser(FORM, refuse, keep, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(body)})
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise HTTPException(400, f"the form is damaged ({error}); send it again.") from error
    if not found:
        raise HTTPException(400, "the form holds no file; send each picture as a file.")
    return found


def _text(name: bytes | None) -> str:
    """A name out of a form's header."""
    return (name or b"").decode(errors="replace")
