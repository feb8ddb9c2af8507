"""Draws docs/demo.svg and docs/demo.de.svg: `eilbote demo --once` as a terminal shows it, with cuts.

Run by hand from the repository: `.venv/bin/python scripts/demo-picture.py`. What the picture shows is what
the program printed, colour by colour; whole scenes and the end of the quoted mail are cut, nothing else.
The picture asks no other machine for anything (no fonts, no links).
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

_COLUMNS = 100
_ROOT = Path(__file__).resolve().parent.parent
_PICTURES = {"en": _ROOT / "docs" / "demo.svg", "de": _ROOT / "docs" / "demo.de.svg"}

# Scenes by their number in the demo. Left out: 6, a star carried to the server.
_SCENES = (1, 2, 3, 4, 5, 7)
_HEADING = re.compile(r"(\d+) .*─$")
_QUOTED = re.compile(r"\s*>")

_THEME = TerminalTheme(
    background=(24, 27, 33),
    foreground=(214, 219, 227),
    normal=[
        (24, 27, 33),  # black
        (240, 113, 120),  # red
        (138, 201, 120),  # green
        (229, 192, 110),  # yellow
        (110, 168, 254),  # blue
        (199, 146, 234),  # magenta
        (98, 200, 214),  # cyan
        (214, 219, 227),  # white
    ],
)

# The fields in braces are those of rich's own format; this one names fonts that machines have.
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" xml:space="preserve">
<style>
.{unique_id}-matrix {{
    font: 20px ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}}
.{unique_id}-title {{ font: bold 18px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    for language, picture in _PICTURES.items():
        picture.write_text(_drawn(_cut(_printed(language))), encoding="utf-8")


def _printed(language: str) -> str:
    """What the demo writes to a terminal of 100 columns; progress bars go to standard error, not in here."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, _COLUMNS, 0, 0))
    command = [str(Path(sys.executable).with_name("eilbote")), "demo", "--once", "--lang", language]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EILBOTE_") and name not in {"COLUMNS", "NO_COLOR"}
    }
    environment["TERM"] = "xterm-256color"
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=its, env=environment) as process:
        os.close(its)
        written = b"".join(_until_closed(ours))
    os.close(ours)
    if process.returncode:
        sys.exit(f"eilbote demo ended with {process.returncode}")
    return written.decode().replace("\r\n", "\n")


def _until_closed(terminal: int) -> list[bytes]:
    chunks: list[bytes] = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux reports the other end's closing as an input/output error
            return chunks
        if not chunk:
            return chunks
        chunks.append(chunk)


def _cut(printed: str) -> list[Text]:
    """The lines of the chosen scenes, numbered anew; a mail ends before its quote."""
    kept: list[Text] = []
    scene, shown, quoted = 0, 0, False
    for line in map(Text.from_ansi, printed.splitlines()):
        if heading := _HEADING.match(line.plain):
            scene, quoted = int(heading[1]), False
            if scene in _SCENES:
                shown += 1
                kept.append(Text(str(shown), "bold") + line[len(heading[1]) :])
        elif line.plain.endswith("─"):  # what to try next
            break
        elif scene and scene not in _SCENES:
            continue
        elif _QUOTED.match(line.plain):
            if not quoted:
                kept[-1] = Text("  …", "dim")  # in place of the line that says who is quoted
            quoted = True
        elif not (quoted and line.plain.strip()):
            kept.append(line)
    return kept


def _drawn(lines: list[Text]) -> str:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(
            record=True, width=_COLUMNS, file=nowhere, force_terminal=True, legacy_windows=False
        )
        for line in lines:
            console.print(line, soft_wrap=True)
    return console.export_svg(title="eilbote demo", theme=_THEME, code_format=_SVG, unique_id="eilbote")


if __name__ == "__main__":
    main()
