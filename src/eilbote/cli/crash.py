"""An error that nobody foresaw: one sentence for the user, a report in a file without mail content.

The report holds where in the program it happened and the kind of the error. It never holds values,
the error's own text or mail: those could be private. With EILBOTE_DEBUG set, the developer who asks
for it sees the whole traceback on standard error.
"""

from __future__ import annotations

import os
import platform
import sys
import traceback
from importlib.metadata import version
from pathlib import Path

from eilbote.cli.face import Face
from eilbote.clock import SystemClock, rfc3339
from eilbote.config import load_config
from eilbote.errors import EilboteError, Problem


def report(face: Face, error: BaseException) -> None:
    """Writes the report into `eilbote-reports/` of the home and tells where it lies."""
    if os.environ.get("EILBOTE_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    written = _write(face, _report_text(error))
    if written is None:
        face.problem(Problem("program.crash_unreported", {"kind": type(error).__name__}))
    else:
        face.problem(Problem("program.crash", {"kind": type(error).__name__, "file": str(written)}))


def _report_text(error: BaseException) -> str:
    lines = [
        f"eilbote {version('eilbote')}, Python {platform.python_version()}, {platform.system()}",
        rfc3339(SystemClock().now()),
    ]
    cause: BaseException | None = error
    while cause is not None and len(lines) < 500:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [
            f"  {frame.name}, {_short(frame.filename)}:{frame.lineno}"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines) + "\n"


def _short(file: str) -> str:
    """The path from the package on: where the program is installed is nobody's business."""
    parts = Path(file).parts
    return "/".join(parts[-4:])


def _write(face: Face, text: str) -> Path | None:
    try:
        folder = load_config(face.home).home / "eilbote-reports"
        folder.mkdir(parents=True, exist_ok=True)
        stamp = rfc3339(SystemClock().now()).replace(":", "")
        file = folder / f"crash-{stamp}-{os.getpid()}.txt"
        file.write_text(text, encoding="utf-8")
    except (OSError, EilboteError):
        return None
    return file
