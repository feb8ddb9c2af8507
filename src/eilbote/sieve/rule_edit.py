"""Edits of the rule book's text: add, replace, remove, move. Comments and everything else stay as they are.

Each takes a text that `read_book` takes and gives one that it takes too: the result is read again before
it is handed out, so that no edit can break a book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import tomlkit
from tomlkit.items import Array, Table

from eilbote.errors import Gone, Misused
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.rule_book import Book, blocks_of, read_book
from eilbote.sieve.rule_table import rule_table, script_table
from eilbote.sieve.rule_text import entry_text, value_text
from eilbote.sieve.toml_layout import Block


def with_entry(text: str, entry: Rule | OwnScript, at: int | None = None) -> str:
    """With one more rule or script, before the entry at this place (from 0) or at the end. Misused
    `rules.name_taken`, and what `read_book` says of the result."""
    text = _unix(text)
    book = read_book(text)
    if book.entry(entry.name) is not None:
        raise Misused("rules.name_taken", name=entry.name)
    blocks = blocks_of(text)
    if at is None or at >= len(blocks):
        before, after = text, ""
    else:
        start = blocks[max(at, 0)].start
        before, after = text[:start], text[start:]
    pieces = [before.rstrip("\n"), entry_text(entry).rstrip("\n"), after.strip("\n")]
    return _read_again("\n\n".join(piece for piece in pieces if piece) + "\n")


def with_replaced(text: str, name: str, entry: Rule | OwnScript) -> str:
    """With this entry in place of the one called `name`. Gone `rules.unknown`, Misused `rules.name_taken`."""
    text = _unix(text)
    book, number, block = _find(text, name)
    other = book.entry(entry.name)
    if other is not None and other is not book.entries[number]:
        raise Misused("rules.name_taken", name=entry.name)
    return _read_again(text[: block.start] + _rewritten(text, block, entry) + text[block.end :])


def with_changed(text: str, entries: Iterable[Rule | OwnScript]) -> str:
    """With each of these in place of the one of its name, all at once; those that are not there are left
    out."""
    text = _unix(text)
    wanted = {entry.name.lower(): entry for entry in entries}
    pieces, end = list[str](), 0
    for held, block in zip(read_book(text).entries, blocks_of(text), strict=True):
        entry = wanted.get(held.name.lower())
        if entry is not None and entry != held:
            pieces += (text[end : block.start], _rewritten(text, block, entry))
            end = block.end
    return _read_again("".join((*pieces, text[end:])))


def _rewritten(text: str, block: Block, entry: Rule | OwnScript) -> str:
    """The block of an entry, as the entry is now."""
    old = text[block.start : block.end]
    new = _changed(old, block.name, entry) if isinstance(entry, Rule) is (block.name == "rule") else None
    if new is None or _entries(new) != [entry]:
        blank = old[len(old.rstrip("\n")) :]
        new = _comments(old) + entry_text(entry).rstrip("\n") + (blank or "\n")
    return new


def without_entry(text: str, name: str) -> str:
    """Without the entry called `name` and the comments right above it. Gone `rules.unknown`."""
    text = _unix(text)
    _, _, block = _find(text, name)
    return _read_again(_joined(text[: block.start], text[block.end :]))


def with_moved(text: str, name: str, at: int) -> str:
    """With the entry called `name` at this place among all (from 0). Gone `rules.unknown`."""
    text = _unix(text)
    _, number, block = _find(text, name)
    moved = text[block.start : block.end].strip("\n")
    rest = _joined(text[: block.start], text[block.end :])
    blocks = blocks_of(rest)
    at = min(max(at, 0), len(blocks))
    if at == number:
        return text
    start = blocks[at].start if at < len(blocks) else len(rest)
    pieces = [rest[:start].rstrip("\n"), moved, rest[start:].strip("\n")]
    return _read_again("\n\n".join(piece for piece in pieces if piece) + "\n")


def _find(text: str, name: str) -> tuple[Book, int, Block]:
    book = read_book(text)
    for number, (entry, block) in enumerate(zip(book.entries, blocks_of(text), strict=True)):
        if entry.name.lower() == name.lower():
            return book, number, block
    raise Gone("rules.unknown", name=name)


def _changed(old: str, kind: str, entry: Rule | OwnScript) -> str | None:
    """The block with the keys of the entry: only what differs is written anew."""
    document = tomlkit.parse(old)
    tables = document.get(kind)
    table = tables[0] if isinstance(tables, Sequence) and tables else None
    if not isinstance(table, Table):
        return None
    wanted = rule_table(entry) if isinstance(entry, Rule) else script_table(entry)
    if isinstance(entry, Rule):
        _say_defaults(table, wanted, entry)
    for key in [key for key in table if key not in wanted]:
        table.remove(key)
    for key, value in wanted.items():
        held = table.get(key)
        if held is None:
            _insert(table, key, value, list(wanted))
        elif _plain(held) != value:
            if isinstance(held, Array) and isinstance(value, list):
                _change_array(held, value)
            else:
                table[key] = _item(entry_value(key, value))
    return tomlkit.dumps(document)


def _say_defaults(table: Table, wanted: dict[str, object], rule: Rule) -> None:
    """What the text says although it need not, it goes on saying."""
    for key, value in (("match", rule.match.value), ("stop", rule.stop), ("enabled", rule.enabled)):
        if key in table:
            wanted.setdefault(key, value)
    for key, words in (("account", rule.account), ("where", rule.where.value)):
        if key in table:
            wanted.setdefault(key, words)


def _insert(table: Table, key: str, value: object, order: list[str]) -> None:
    """Behind the last key that comes before it, so that blank lines and comments below stay below."""
    earlier = [each for each in order[: order.index(key)] if each in table]
    if earlier:
        table.value._insert_after(earlier[-1], key, _item(entry_value(key, value)))
    else:
        table[key] = _item(entry_value(key, value))


def _change_array(held: Array, wanted: list[object]) -> None:
    """The elements that differ, so that comments beside the others stay."""
    steps = SequenceMatcher(None, list(map(_key, _plain(held))), list(map(_key, wanted)), autojunk=False)
    for step, low, high, first, last in reversed(steps.get_opcodes()):
        if step == "equal":
            continue
        new = wanted[first:last]
        for index in range(min(high - low, len(new))):
            held[low + index] = _item(value_text(new[index]))
        for index in reversed(range(low + len(new), high)):
            del held[index]
        for index in range(high - low, len(new)):
            held.insert(low + index, _item(value_text(new[index])))


def _key(value: object) -> str:
    return value_text(value) if isinstance(value, (str, int, list, Mapping)) else repr(value)


def _plain(item: Any) -> Any:
    return item.unwrap() if hasattr(item, "unwrap") else item


def _item(text: str) -> Any:
    return tomlkit.parse(f"x = {text}\n")["x"]


def entry_value(key: str, value: object) -> str:
    """A value of an entry in TOML, scripts as they are."""
    if key == "sieve":
        return entry_text(OwnScript("x", str(value))).partition("sieve = ")[2].rstrip("\n")
    return value_text(value)


def _entries(text: str) -> list[Rule | OwnScript]:
    try:
        return list(read_book(text).entries)
    except Misused:
        return []


def _comments(block: str) -> str:
    """The comments above its header."""
    lines = block.splitlines(keepends=True)
    count = next((number for number, line in enumerate(lines) if not line.lstrip().startswith("#")), 0)
    return "".join(lines[:count])


def _joined(before: str, after: str) -> str:
    pieces = [before.rstrip("\n"), after.strip("\n")]
    text = "\n\n".join(piece for piece in pieces if piece)
    return text + "\n" if text else ""


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _read_again(text: str) -> str:
    read_book(text)
    return text
