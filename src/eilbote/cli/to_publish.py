"""How a record or a file to publish is shown: as a zone file has it, and as a hoster's form asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.terminal import harmless
from eilbote.diagnosis.values import DnsRecord, PublishedFile

_LONGEST_STRING = 255
"""Bytes of one string of a TXT record (RFC 1035 section 3.3.14); several are read as one."""


def tell_to_publish(face: Face, records: Sequence[DnsRecord], file: PublishedFile | None) -> None:
    """What puts it right, each in lines of its own that can be copied as a whole."""
    for record in records:
        lead = (
            mark("Replace the record of {name} by:")
            if record.replaces
            else mark("Record to paste for {name}:")
        )
        face.line("      " + face.text(lead, name=harmless(record.name)))
        face.line("        " + harmless(zone_line(record)))
    if file is not None:
        face.line("      " + face.text(mark("File to publish as {url}:"), url=harmless(file.url)))
        for line in file.content.splitlines():
            face.line("        " + harmless(line))


def zone_line(record: DnsRecord) -> str:
    """One line of a zone file: `_dmarc.example.org. IN TXT "v=DMARC1; p=none"`."""
    value = quoted(record.value) if record.kind == "TXT" else record.value
    return f"{record.name}. IN {record.kind} {value}"


def quoted(text: str) -> str:
    """The strings of a TXT record, none longer than one may be."""
    data = text.encode()
    parts = [data[at : at + _LONGEST_STRING] for at in range(0, len(data), _LONGEST_STRING)] or [b""]
    shown = (one.decode("utf-8", "replace").replace("\\", "\\\\").replace('"', '\\"') for one in parts)
    return " ".join(f'"{one}"' for one in shown)


def publish_shape(records: Sequence[DnsRecord]) -> list[dict[str, object]]:
    """For `--json`: `value` is what a hoster's form asks for, `zone` a line of a zone file."""
    return [
        {
            "name": one.name,
            "type": one.kind,
            "value": one.value,
            "zone": zone_line(one),
            "replaces": one.replaces,
        }
        for one in records
    ]


def file_shape(file: PublishedFile | None) -> dict[str, str] | None:
    return {"url": file.url, "content": file.content} if file is not None else None
