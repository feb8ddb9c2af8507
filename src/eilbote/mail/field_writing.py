"""Header fields as bytes: the one door through which any value reaches a header that we write.

Every value is checked first: a line break, a NUL or another control character is refused with a
problem that names the field, whoever brought it (RFC 5322 section 2.2). Text beyond ASCII becomes
encoded words (RFC 2047), parameters the form of RFC 2231. Lines aim at 76 characters and never pass
998. Knows no meaning of any field.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote

from eilbote.errors import Misused
from eilbote.mail.address import is_address
from eilbote.mail.domain import domain_for_wire, is_domain_on_wire
from eilbote.mail.envelope import Address

LINE = 76
"""Characters a line aims at: RFC 5322 section 2.1.1 wants 78, RFC 2047 section 2 wants 76."""

MAX_WORD = 900
"""Characters of one piece that cannot be folded; with its field's name it stays below 998."""

_NAME = re.compile(r"[!-9;-~]{1,76}")
# Tab is the one control that is space. U+0085, U+2028 and U+2029 end lines for some readers.
_REFUSED = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPACES = re.compile(r"[\t ]+")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE = re.compile(r"[ -~]{0,60}")
_SPECIAL = re.compile(r'(["\\])')
_ID = re.compile(rf"[!-;=?-~]{{1,{MAX_WORD}}}")
_Q_CODED_BYTE = re.compile(rb"[^A-Za-z0-9!*+/ -]")
_Q_CODED = re.compile(r"[^A-Za-z0-9!*+/-]")
_CODED_PIECE = 56
_WORD_START, _WORD_END = "=?utf-8?", "?="
_INSIDE = 75 - len("=?utf-8?q??=")  # RFC 2047 section 2: an encoded word has at most 75 characters
_MAX_ADDRESS = 254  # octets, RFC 5321 section 4.5.3.1.3; local parts over 64 happen and are taken


def checked(field: str, value: str) -> str:
    """The value, if nothing in it could end a line or a header. Raises Misused `compose.character`."""
    found = _REFUSED.search(value)
    if found:
        raise Misused("compose.character", field=field, character=f"U+{ord(found[0]):04X}")
    return value


def text_field(name: str, value: str) -> str:
    """A field of free text (Subject): words of ASCII as they are, the stretch around all others as
    encoded words. Space at either end is dropped."""
    return folded(name, _text_words(checked(name, value).strip("\t "), len(name) + 2))


def address_field(name: str, addresses: Sequence[Address]) -> str:
    """A list of mailboxes. The commas between them are never within an encoded word. An address that
    needs SMTPUTF8 stands as it is. Raises Misused `compose.bad_address`."""
    words: list[str] = []
    for place, address in enumerate(addresses):
        words += _mailbox(name, address)
        if place < len(addresses) - 1:
            words[-1] += ","
    return folded(name, words)


def id_field(name: str, ids: Iterable[str]) -> str:
    """Message-IDs, given without brackets. Raises Misused `compose.bad_id`."""
    words = []
    for one in ids:
        if not _ID.fullmatch(checked(name, one)):
            raise Misused("compose.bad_id", field=name, id=one[:200])
        words.append(f"<{one}>")
    return folded(name, words)


def is_writable_id(text: str) -> bool:
    """Whether a Message-ID (without brackets) can be named in a header; others' are odd at times."""
    return _ID.fullmatch(text) is not None


def parameter_field(name: str, value: str, parameters: Mapping[str, str]) -> str:
    """`value; name="..."` (RFC 2045 section 5.1); what is long or beyond ASCII by RFC 2231."""
    words = [checked(name, value)]
    for key, text in parameters.items():
        words[-1] += ";"
        words += _parameter(key, checked(name, text))
    return folded(name, words)


def folded(name: str, words: Iterable[str]) -> str:
    """The whole field with its line ends; each word stays whole, nothing else is added."""
    if not _NAME.fullmatch(name):
        raise Misused("compose.bad_field", field=name[:80])
    out = [name, ":"]
    column = start = len(name) + 1
    for word in words:
        if column + 1 + len(word) > LINE and column > start:
            out.append("\r\n")
            column = 0
        out.append(" ")
        out.append(word)
        column += 1 + len(word)
    out.append("\r\n")
    return "".join(out)


def is_writable_address(spec: str) -> bool:
    """Whether an address can be named in a header; what stands in others' mail cannot always."""
    try:
        address_on_wire("", spec)
    except Misused:
        return False
    return True


def address_on_wire(field: str, spec: str) -> str:
    """`local@domain` with the domain as DNS has it, without a dot at its end. Raises Misused
    `compose.bad_address`."""
    local, _, domain = checked(field, spec).rpartition("@")
    host = domain if domain.startswith("[") else domain_for_wire(domain.removesuffix("."))
    whole = f"{local}@{host}"
    if not is_address(spec) or not is_domain_on_wire(host) or len(whole.encode()) > _MAX_ADDRESS:
        raise Misused("compose.bad_address", field=field, address=spec[:200])
    return whole


def _mailbox(field: str, address: Address) -> list[str]:
    """One mailbox (RFC 5322 section 3.4) as words between which a line may be folded."""
    spec = address_on_wire(field, address.spec)
    name = checked(field, address.name).strip("\t ")
    if not name:
        return [spec]
    if "=?" not in name and len(name) <= 60:
        if _PHRASE.fullmatch(name):
            return [*name.split(" "), f"<{spec}>"]
        if _QUOTABLE.fullmatch(name):
            return ['"' + _SPECIAL.sub(r"\\\1", name) + '"', f"<{spec}>"]
    return [*encoded_words(name, 60), f"<{spec}>"]


def _text_words(value: str, column: int) -> list[str]:
    if not value:
        return []
    words = value.split(" ")
    if _PLAIN.fullmatch(value) and "=?" not in value and len(value) <= MAX_WORD:
        return words
    odd = [place for place, word in enumerate(words) if not _stays(word)]
    if not odd:
        return words
    first, last = odd[0], odd[-1]
    before = words[:first]
    column = (column + sum(len(word) + 1 for word in before)) % LINE
    return before + encoded_words(" ".join(words[first : last + 1]), LINE - column) + words[last + 1 :]


def _stays(word: str) -> bool:
    """Whether a word may stand in free text as it is; an empty one is the middle of two spaces."""
    return _PLAIN.fullmatch(word) is not None and "=?" not in word and len(word) <= MAX_WORD // 10


def encoded_words(text: str, room: int) -> list[str]:
    """The text as encoded words (RFC 2047) of at most 75 characters, the first of at most `room` where
    that is worth it. The shorter of the two encodings; no character is cut in two (section 5)."""
    data = text.encode()
    quoted = len(data) + 2 * len(_Q_CODED_BYTE.findall(data)) <= (len(data) + 2) // 3 * 4
    size = _quoted_size if quoted else _plain_size
    limit = _INSIDE if quoted else _INSIDE // 4 * 3
    left = min(limit, room - 12 if quoted else (room - 12) // 4 * 3)
    if left < 12:
        left = limit
    out: list[str] = []
    start = 0
    for at, letter in enumerate(text):
        left -= size(letter)
        if left < 0:
            out.append(_encoded_word(text[start:at], quoted))
            start, left = at, limit - size(letter)
    out.append(_encoded_word(text[start:], quoted))
    return out


def _encoded_word(text: str, quoted: bool) -> str:
    if quoted:
        return f"{_WORD_START}q?{''.join(map(_quoted_letter, text))}{_WORD_END}"
    return f"{_WORD_START}b?{b2a_base64(text.encode(), newline=False).decode('ascii')}{_WORD_END}"


@lru_cache(maxsize=1024)
def _quoted_letter(letter: str) -> str:
    """RFC 2047 section 4.2, with the few characters that may stand in a phrase too (section 5)."""
    if letter == " ":
        return "_"
    if not _Q_CODED.match(letter):
        return letter
    return "".join(f"={byte:02X}" for byte in letter.encode())


def _quoted_size(letter: str) -> int:
    return len(_quoted_letter(letter))


def _plain_size(letter: str) -> int:
    return len(letter.encode())


def _parameter(key: str, value: str) -> list[str]:
    if _QUOTABLE.fullmatch(value):
        return [f'{key}="' + _SPECIAL.sub(r"\\\1", value) + '"']
    coded = "utf-8''" + quote(value, safe="")
    if len(coded) <= 60:
        return [f"{key}*={coded}"]
    # RFC 2231 sections 3 and 4.1: numbered pieces, each percent-coded, the charset in the first. No
    # character is cut in two: some readers decode each piece by itself.
    pieces = ["utf-8''"]
    for letter in value:
        one = quote(letter, safe="")
        if len(pieces[-1]) + len(one) > _CODED_PIECE:
            pieces.append("")
        pieces[-1] += one
    words = [f"{key}*{number}*={piece};" for number, piece in enumerate(pieces)]
    words[-1] = words[-1].removesuffix(";")
    return words
