"""What enhanced status codes mean (RFC 3463, RFC 5248), in German and English: see `statuses.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct


class Status(Struct, frozen=True):
    """`name` as the registry has it; `de`, `en`: what it means."""

    code: str
    name: str
    de: str
    en: str
    source: str

    def text(self, language: str) -> str:
        return self.de if language == "de" else self.en


@cache
def statuses() -> Mapping[str, Status]:
    """By the code without its class: `1.1`."""
    table = tomllib.loads(Path(__file__).with_name("statuses.toml").read_text(encoding="utf-8"))
    rows = (msgspec.convert(row, Status) for row in table["status"])
    return {one.code.removeprefix("X."): one for one in rows}


def meaning(status: str, language: str) -> str:
    """`5.1.1` in words; "" for a code that the registry does not have."""
    found = statuses().get(status.partition(".")[2])
    return found.text(language) if found is not None else ""
