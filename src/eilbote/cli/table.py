"""Aligned columns: cut to the width of a terminal, whole where the output goes into a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from eilbote.cli.terminal import fitted, harmless, styled, width

_GAP = 2
_NARROWEST = 8
_BROADEST = 300
"""Cells that one column may take even in a pipe: a subject may be a megabyte long."""


class Column(Struct, frozen=True):
    """One column. `share`: how much of the free width it takes; 0: as wide as its widest cell."""

    title: str
    right: bool = False
    share: int = 0
    style: str = ""


class Row(Struct, frozen=True):
    """Cells in the order of the columns, and a style for the whole row."""

    cells: Sequence[str]
    style: str = ""


def lay_out(
    columns: Sequence[Column], rows: Sequence[Row], *, cells: int | None, colour: bool
) -> Iterator[str]:
    """The lines of the table. `cells`: width of the terminal; None: a pipe, where only what is
    longer than any line should be is cut."""
    clean = [Row([harmless(cell) for cell in row.cells], row.style) for row in rows]
    widths = [
        max(width(column.title), *(width(row.cells[at]) for row in clean)) if clean else width(column.title)
        for at, column in enumerate(columns)
    ]
    widths = [min(each, _BROADEST) for each in widths]
    if cells is not None:
        widths = _shared(columns, widths, cells)
    yield _line(columns, Row([column.title for column in columns]), widths, "dim" if colour else None)
    for row in clean:
        yield _line(columns, row, widths, row.style if colour else None)


def _shared(columns: Sequence[Column], widths: Sequence[int], cells: int) -> list[int]:
    """Widths that fit: columns with a share divide what the others leave, never more than they need."""
    free = cells - sum(w for w, c in zip(widths, columns, strict=True) if not c.share)
    free -= _GAP * (len(columns) - 1)
    final = list(widths)
    open_columns = [at for at, column in enumerate(columns) if column.share]
    while open_columns:
        shares = sum(columns[at].share for at in open_columns)
        content = [at for at in open_columns if widths[at] <= free * columns[at].share // shares]
        if not content:
            for at in open_columns:
                final[at] = max(_NARROWEST, free * columns[at].share // shares)
            break
        for at in content:
            free -= widths[at]
            open_columns.remove(at)
    return final


def _line(columns: Sequence[Column], row: Row, widths: Sequence[int], style: str | None) -> str:
    parts = []
    for at, (column, cell) in enumerate(zip(columns, row.cells, strict=True)):
        last = at == len(columns) - 1
        if last and not column.right and width(cell) <= widths[at]:
            text = cell  # no spaces at the end of a line
        else:
            text = fitted(cell, widths[at], right=column.right)
        if style is not None:
            text = styled(text, f"{style} {column.style}".strip() if style != "dim" else "dim")
        parts.append(text)
    return (" " * _GAP).join(parts).rstrip()
