"""The media type that a file's name tells: the standard library's own table, and what is missing there.

Reads no file of the system, so that every machine says the same.
"""

from __future__ import annotations

from functools import cache
from mimetypes import MimeTypes

UNKNOWN = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_MORE = {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".epub": "application/epub+zip",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".ics": "text/calendar",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".ods": f"{_OPEN}.spreadsheet",
    ".odp": f"{_OPEN}.presentation",
    ".odt": f"{_OPEN}.text",
    ".ogg": "audio/ogg",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".rtf": "application/rtf",
    ".vcf": "text/vcard",
    ".webp": "image/webp",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}


def media_type_for(name: str) -> str:
    """`type/subtype` by the ending of a file's name; `UNKNOWN` where it tells none. What is packed is
    named for its packing: `a.tar.gz` is `application/gzip`."""
    dot = name.rfind(".")
    ending = name[dot:].lower() if dot >= 0 else ""
    return _MORE.get(ending) or _table().get(ending, UNKNOWN)


@cache
def _table() -> dict[str, str]:
    return MimeTypes(filenames=()).types_map[True]
