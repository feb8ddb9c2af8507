"""Text for a terminal: made harmless, measured in cells, styled where the terminal wants it.

Mail is written by strangers. Whatever comes from a mail, a server or a file passes `harmless` before
it is shown, so that it can neither move the cursor, nor set the window's title, nor turn text around.
"""

from __future__ import annotations

from unicodedata import category, east_asian_width

_SPACES = (0x09, 0x0A, 0x0D, 0x0B, 0x0C, 0x85, 0x2028, 0x2029)
_UNSEEN = (
    *(0xAD, 0x034F, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF),
    *range(0x202A, 0x202F),  # turn text around
    *range(0x2066, 0x206A),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),  # carry text that nobody sees
)
_SAFE: dict[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(0x20)},  # ESC is shown as its picture, ␛
    0x7F: "\u2421",
    **dict.fromkeys(range(128, 160), "�"),  # C1: CSI and OSC in one sign
    **dict.fromkeys(range(55296, 57344), "�"),  # half characters, which no output can encode
    **dict.fromkeys(_UNSEEN),
}
_ONE_LINE: dict[int, str | None] = {**_SAFE, **dict.fromkeys(_SPACES, " ")}
_MANY_LINES: dict[int, str | None] = {
    **_SAFE,
    **dict.fromkeys(_SPACES, "\n"),
    0x09: "    ",
    0x0D: None,
}

_STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "title": "1;36",
}


def harmless(text: str) -> str:
    """`text` as one line that a terminal shows and never obeys."""
    return text.translate(_ONE_LINE)


def harmless_lines(text: str) -> str:
    """The same for text of several lines: line ends stay, tabs become spaces."""
    return text.translate(_MANY_LINES)


def styled(text: str, style: str) -> str:
    """`text` in one of our styles (several joined by a space); empty: as it is."""
    codes = ";".join(_STYLES[name] for name in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def width(text: str) -> int:
    """How many cells of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    cells = 0
    for sign in text:
        if sign == "\ufe0f":  # asks for the coloured, wide form of the sign before it
            cells += 1
        elif category(sign) in ("Mn", "Me", "Cf"):
            continue
        else:
            cells += 2 if east_asian_width(sign) in "WF" else 1
    return cells


def fitted(text: str, cells: int, *, right: bool = False) -> str:
    """`text` in exactly `cells` cells: cut with an ellipsis or filled with spaces."""
    taken = width(text)
    if taken > cells:
        text = _cut(text, cells)
        taken = width(text)
    room = " " * (cells - taken)
    return room + text if right else text + room


def _cut(text: str, cells: int) -> str:
    if cells < 1:
        return ""
    taken, end = 0, 0
    for end, sign in enumerate(text):  # noqa: B007  # the position is used after the loop
        step = width(sign)
        if taken + step > cells - 1:
            break
        taken += step
    return text[:end].rstrip() + "…"


def wrapped(text: str, cells: int) -> list[str]:
    """`text` in lines of at most `cells` cells, broken at spaces where there are any."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if width(longer) <= cells or not line:
                line = longer
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return lines
