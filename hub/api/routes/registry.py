"""The registry in and out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, File, Query, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from hub.api.deps import Registrar, TheHub, Viewer, note
from hub.clock import now_ms
from hub.registry import book
from hub.registry.book import Counts, Imported
from hub.registry.columns import Kind, exported
from hub.registry.faults import RegistryError, Told
from hub.registry.files import read_listing
from hub.sheets import write_csv, write_xlsx
from hub.store.engine import writing
from identity.keys import read_token_key
from identity.token import Tokeniser

router = APIRouter(tags=["registry"], prefix="/registry")


class Refused(BaseModel):
    """Nothing was taken: every fault of the file."""

    error: str
    faults: list[Told]


@router.get("")
def get_counts(hub: TheHub, user: Viewer) -> list[Counts]:
    """How many sites, gates and people each park has, and what sends records unregistered."""
    del user
    with hub.engine.connect() as connection:
        return book.counts(connection)


@router.get("/{kind}", response_class=Response)
def get_export(
    hub: TheHub,
    user: Registrar,
    kind: Kind,
    form: Annotated[Literal["json", "csv", "xlsx"], Query(alias="format")] = "json",
    park: Annotated[str | None, Query(description="Of this park alone.")] = None,
    purpose: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The entries, in the form that an import takes."""
    with writing(hub.engine) as connection:
        rows = list(book.read(connection, kind, park=park))
        asked = {"kind": str(kind), "park": park}
        note(connection, user, "registry export", purpose, asked, {"lines": len(rows)})
    if form == "json":
        return JSONResponse(rows)
    columns = exported(kind)
    cells = [[row[name] for name in columns] for row in rows]
    if form == "csv":
        content, media = write_csv(columns, cells), "text/csv; charset=utf-8"
    else:
        content = write_xlsx([(str(kind), columns, cells)])
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    show = f'attachment; filename="{kind}.{form}"'
    return Response(content, media_type=media, headers={"Content-Disposition": show})


@router.post("/{kind}", responses={422: {"model": Refused}})
def post_import(
    hub: TheHub,
    user: Registrar,
    kind: Kind,
    file: Annotated[UploadFile, File(description="CSV or XLSX with a heading.")],
    *,
    check: Annotated[bool, Query(description="Find every fault, change nothing.")] = False,
    replace: Annotated[bool, Query(description="Take out what the file lacks.")] = False,
    purpose: Annotated[str, Query(max_length=500)] = "",
) -> Imported:
    """Take a file in: all of it, or nothing and every fault named (422). Raises RegistryError."""
    listing = read_listing(file.file.read(), file.filename or f"{kind}.csv", kind)
    identity = hub.config.identity
    tokeniser = None
    if identity.key_file is not None:
        key = read_token_key(identity.key_file)
        tokeniser = Tokeniser(key, key_id=identity.key_id, scope=identity.scope)
    tokens = book.take_tokens(listing, tokeniser)
    with writing(hub.engine) as connection:
        done = book.take(connection, listing, tokens, at_ms=now_ms(), replace=replace)
        if check:
            connection.rollback()
        else:
            asked = {"kind": str(kind), "lines": len(listing.entries), "replace": replace}
            note(connection, user, "registry import", purpose, asked, asdict(done))
    return done


def refused(error: RegistryError) -> JSONResponse:
    """The answer to a file with faults."""
    told = [one.told() for one in error.faults]
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    body = {"error": f"{told[0]}{more}", "faults": [asdict(one) for one in told]}
    return JSONResponse(body, status_code=422)
