"""Runs the command line in this process, with its own streams, home and environment."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from eilbote.cli.main import main


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left behind."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        """The only JSON line of standard output."""
        (one,) = self.records
        return one

    @property
    def error(self) -> dict[str, Any]:
        """The first JSON error on standard error."""
        error: dict[str, Any] = json.loads(self.err.splitlines()[0])["error"]
        return error


class _Terminal(io.TextIOWrapper):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands in one home. `environ` stands beside a nearly empty environment."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str = "", terminal: bool = False, columns: int = 80) -> Result:
        kind = _Terminal if terminal else io.TextIOWrapper
        out, err = kind(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        environ = {
            "EILBOTE_HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home.parent / "config"),
            "HOME": str(self.home.parent),
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "COLUMNS": str(columns),
            "TERM": "xterm-256color",
            "EILBOTE_DNS_SERVERS": "127.0.0.1:9",  # nobody is asked, unless a test says whom
            "EILBOTE_LISTEN": "off",
            **self.environ,
        }
        with (
            mock.patch.dict(os.environ, environ, clear=True),
            mock.patch.object(
                sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode(errors="surrogateescape")), "utf-8")
            ),
            mock.patch.object(sys, "stdout", out),
            mock.patch.object(sys, "stderr", err),
        ):
            code = main(arguments)
        out.flush()
        err.flush()
        raw = _bytes(out)
        return Result(code, raw.decode("utf-8", "replace"), _bytes(err).decode(), raw)


def _bytes(stream: io.TextIOWrapper) -> bytes:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()
