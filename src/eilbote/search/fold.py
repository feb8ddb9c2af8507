"""How letters are made alike, the same for what is indexed and for what is asked.

Case and accents never count (`MÜLLER` = `müller` = `muller`), ß is ss, ligatures and full-width
forms are their plain letters. The German spelling of umlauts with e costs the index nothing: the
query asks for both (`spellings`). An index that took ae, oe, ue for umlauts would be as large but
would take `due` for `du` and `does` for `dos`.
"""

from __future__ import annotations

import re
from unicodedata import normalize

LONGEST_WORD = 64
"""Characters of a word that count where an index takes no longer ones."""

# Letters that have no decomposition in Unicode but a plain spelling that people type.
_PLAIN = (
    ("ß", "ss"),
    ("ẞ", "SS"),
    ("æ", "ae"),
    ("Æ", "AE"),
    ("œ", "oe"),
    ("Œ", "OE"),
    ("ø", "o"),
    ("Ø", "O"),
    ("ł", "l"),
    ("Ł", "L"),
    ("đ", "d"),
    ("Đ", "D"),
    ("ı", "i"),
)
_MARKS = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"[^\W_]+")
_UMLAUT = re.compile("[äöüÄÖÜ]")
_WITH_E = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"}
# `ue` after a vowel or q is no umlaut (neue, Frauen, Quelle).
_SPELT = re.compile(r"(?<![aeiouq])([aou])e", re.IGNORECASE)
_SHORTEST_SPELT = 5


def plain(text: str) -> str:
    """Compatibility forms and letters like ß in plain spelling. Case and accents stay, for an
    index whose tokenizer folds them itself. Costs nothing for ASCII."""
    if text.isascii():
        return text
    text = normalize("NFKC", text)
    for letter, spelling in _PLAIN:
        text = text.replace(letter, spelling)
    return text


def fold(text: str) -> str:
    """Fully folded: lower case, no accents, plain spelling."""
    text = plain(text).lower()
    return text if text.isascii() else normalize("NFC", _MARKS.sub("", normalize("NFKD", text)))


def words(text: str) -> list[str]:
    """The words of a text, folded, in order; runs of letters and digits, cut at `LONGEST_WORD`."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text))]


def spellings(text: str) -> tuple[str, ...]:
    """The ways to spell what was asked for, folded, the plainest first: with `ü` also as `ue`,
    with `ue` (in words of five letters or more) also as `ü`."""
    found = [" ".join(words(text))]
    if _UMLAUT.search(text := normalize("NFC", text)):
        found.append(" ".join(words(_UMLAUT.sub(lambda letter: _WITH_E[letter[0]], text))))
    found.append(" ".join(_without_e(word) for word in found[0].split(" ")))
    return tuple(dict.fromkeys(found))


def _without_e(word: str) -> str:
    return _SPELT.sub(r"\1", word) if len(word) >= _SHORTEST_SPELT else word
