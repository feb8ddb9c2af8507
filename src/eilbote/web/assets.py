"""Style sheets and scripts, all our own, under addresses that change with their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

routes = APIRouter()

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def addresses() -> dict[str, str]:
    """The address of each file by its name. All have one mark, so that a module finds another beside it."""
    everything = sha256()
    for name, data in _files().items():
        everything.update(f"{name}\0{len(data)}\0".encode() + data)
    return {name: f"/assets/{everything.hexdigest()[:16]}/{name}" for name in _files()}


@cache
def _addresses() -> dict[str, str]:
    return addresses()


@routes.get("/assets/{mark}/{name}")
def asset(mark: str, name: str) -> Response:
    data = _files().get(name)
    if data is None or _addresses()[name] != f"/assets/{mark}/{name}":
        raise HTTPException(404)
    headers = {"Cache-Control": "max-age=31536000, immutable"}
    return Response(data, media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}
