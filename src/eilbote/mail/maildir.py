"""The names of a Maildir: what is written in the name of a mail's file, and in that of a folder.

A mail's file is called `1795464820.M1P2.host,S=2048:2,FS`: when it was delivered, something unique, and
after the separator its flags. Names only; nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import ascii_lowercase

from msgspec import Struct

from eilbote.mail import mutf7
from eilbote.mail.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags

FORWARDED = "$Forwarded"
_LETTERS = {"D": DRAFT, "F": FLAGGED, "P": FORWARDED, "R": ANSWERED, "S": SEEN, "T": DELETED}
_FLAGS = {flag: letter for letter, flag in _LETTERS.items()}
# `:` cannot stand in a file's name on Windows: programs there take one of the others.
_INFO = re.compile(r"^(?P<base>.+?)[:;!_-]2,(?P<letters>[A-Za-z]*)$", re.DOTALL)
_OWN_FOLDERS = {"cur": "&AGM-ur", "new": "&AG4-ew", "tmp": "&AHQ-mp"}
_DELIVERED = re.compile(r"(\d{1,11})[._]")

KEYWORD_LETTERS = ascii_lowercase
"""What the keywords of a folder are called in the names of its mails."""


class MailName(Struct, frozen=True):
    """A mail's file: `base` never changes while the mail lies there; `letters` are its flags.
    `delivered`: the seconds since 1970 that the name begins with, None where it does not."""

    base: str
    letters: str
    delivered: float | None


def read_name(name: str) -> MailName:
    """What a file's name says; any name is one."""
    info = _INFO.match(name)
    base, letters = (info["base"], info["letters"]) if info is not None else (name, "")
    delivered = _DELIVERED.match(base)
    return MailName(base, letters, float(delivered[1]) if delivered is not None else None)


def flags_of(letters: str, keywords: Mapping[str, str]) -> Flags:
    """The flags that letters stand for; `keywords` says what a to z mean in this folder."""
    found = (_LETTERS.get(letter) or keywords.get(letter) for letter in letters)
    return frozenset(flag for flag in found if flag)


def letters_of(flags: Flags, keywords: Mapping[str, str]) -> str:
    """Letters for flags, in the order that the format wants; those without one are left out."""
    of_keyword = {word: letter for letter, word in keywords.items()}
    found = (_FLAGS.get(flag) or of_keyword.get(flag) for flag in flags)
    return "".join(sorted(letter for letter in found if letter))


def has_letter(flag: str) -> bool:
    """Whether the format itself has a letter for a flag."""
    return flag in _FLAGS


def read_keywords(text: str) -> dict[str, str]:
    """Dovecot's file `dovecot-keywords`: a number and a keyword a line; 0 is the letter a."""
    found: dict[str, str] = {}
    for line in text.splitlines()[:1000]:
        number, _, word = line.strip().partition(" ")
        known = number.isascii() and number.isdigit() and len(number) < 3
        if known and word and int(number) < len(KEYWORD_LETTERS):
            found[KEYWORD_LETTERS[int(number)]] = word
    return found


def write_keywords(keywords: Mapping[str, str]) -> str:
    """The inverse of `read_keywords`."""
    return "".join(f"{KEYWORD_LETTERS.index(letter)} {word}\n" for letter, word in sorted(keywords.items()))


# --- folders -----------------------------------------------------------------------------------------


def read_level(name: str) -> str:
    """One level of a folder's name: modified UTF-7, as Courier and Dovecot write it, else the text as
    it stands (UTF-8)."""
    if name.isascii():
        try:
            return mutf7.decode(name.encode("ascii"))
        except ValueError:
            return name
    return name


def write_level(level: str, *, dots: bool) -> str:
    """The inverse: in modified UTF-7, and hidden in it `/`, the names of a Maildir's own folders, a dot
    at the beginning, and with `dots` (in Maildir++, where they part the levels) every dot. Half
    characters become `?`."""
    text = level.encode("utf-8", "replace").decode()
    written = mutf7.encode(text).decode("ascii").replace("/", "&AC8-")
    written = _OWN_FOLDERS.get(written, written)
    return written.replace(".", "&AC4-") if dots or written.startswith(".") else written


def read_plus_name(folder: str) -> tuple[str, ...]:
    """The levels of a Maildir++ folder (`.Archiv.2025`); the empty name is the inbox."""
    return tuple(read_level(level) for level in folder.removeprefix(".").split(".") if level)


def write_plus_name(levels: tuple[str, ...]) -> str:
    """The inverse of `read_plus_name`."""
    return "".join(f".{write_level(level, dots=True)}" for level in levels)
