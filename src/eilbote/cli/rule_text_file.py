"""The text of rules and scripts from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from eilbote.errors import Misused

_LARGEST = 1 << 21


def read_text(file: Path) -> str:
    """The text of a file, or of standard input. Misused `rules.unreadable`."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(_LARGEST + 1)
        return data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except OSError as error:
        raise Misused("rules.unreadable", file=file, reason=error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise Misused("rules.not_utf8", file=file) from None
