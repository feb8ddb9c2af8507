"""Bytes of a text to text: the declared charset, else strict UTF-8, else a guess, else cp1252.

Never raises and never returns a lone surrogate. The guess looks at a bounded sample only.
"""

from __future__ import annotations

import re
from codecs import lookup
from functools import lru_cache

_SAMPLE = 4096
"""Bytes shown to the guesser: enough to tell German from Russian, small enough to be cheap."""

_ALIASES = {
    # As browsers do (WHATWG Encoding Standard, section 4.2): the label says one thing, senders mean more.
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "ansi": "cp1252",
    "windows-1252": "cp1252",
    "x-ansi": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf-8-strict": "utf-8",
    "utf8mb4": "utf-8",
    "x-utf-8": "utf-8",
    "unicode": "utf-16",
    "ucs-2": "utf-16",
    "macintosh": "mac_roman",
    "x-mac": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-ce": "mac_latin2",
    "x-mac-greek": "mac_greek",
    "x-mac-turkish": "mac_turkish",
    "x-mac-icelandic": "mac_iceland",
    "koi8": "koi8-r",
    "koi": "koi8-r",
    "koi8-ru": "koi8-u",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
}

_UNDECLARED = frozenset(
    (
        "",
        "us-ascii",
        "ascii",
        "ansi_x3.4-1968",
        "7bit",
        "8bit",
        "unknown-8bit",
        "unknown",
        "x-unknown",
        "default",
    )
)
"""Labels that say nothing about bytes above 127."""

_TOLERANT = frozenset(
    ("utf-8", "gb18030", "big5hkscs", "cp949", "cp932", "euc_jp", "iso2022_jp_ext", "cp1252",
     "utf-16", "utf-16-le", "utf-16-be")
)  # fmt: skip
"""Here a few bad bytes are damage in transit, not proof of a wrong label."""

_HIGH = re.compile(rb"[\x80-\xff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LABEL = re.compile(r"[a-z0-9][a-z0-9._:+-]{0,39}")


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """The codec for a declared charset; None if the label says nothing or is unknown."""
    name = label.strip().strip("\"'").lower().partition("*")[0]
    if name in _UNDECLARED:
        return None
    known = _ALIASES.get(name)
    if known is not None:
        return known
    if not _LABEL.fullmatch(name):
        return None
    if name.startswith("cs") and name[2:] in _ALIASES:
        return _ALIASES[name[2:]]
    for spelling in (name, name.replace("_", "-"), name.replace("windows-", "cp"), name.removeprefix("x-")):
        try:
            found = lookup(spelling)
        except (LookupError, ValueError):
            continue
        # "hex", "zip" and their like are codecs that turn bytes to bytes: a bomb, no charset.
        # "idna" and "punycode" are quadratic; "undefined" and the escape codecs are Python's own.
        if getattr(found, "_is_text_encoding", True) and found.name not in _NOT_CHARSETS:
            return _ALIASES.get(found.name, found.name)
    return None


_NOT_CHARSETS = frozenset(
    ("idna", "punycode", "undefined", "unicode-escape", "unicode_escape", "raw-unicode-escape",
     "raw_unicode_escape", "mbcs", "oem", "palmos")
)  # fmt: skip


def decode(data: bytes, label: str = "") -> str:
    """`data` as text. `label` is the charset the sender declared, possibly wrong or unknown."""
    if data.isascii() and b"\x1b" not in data:
        # True for every charset in use in mail but UTF-7, UTF-16, HZ and the escape-driven ones.
        codec = codec_of(label) if label else None
        if codec is None or not codec.startswith(("utf-7", "utf-16", "utf-32", "hz", "cp037", "cp500")):
            return data.decode("ascii")
    codec = codec_of(label)
    if codec is None:
        return _guess(data)
    try:
        return _without_surrogates(data.decode(codec))
    except (UnicodeError, ValueError):
        pass
    if codec in _TOLERANT:
        text = data.decode(codec, "replace")
        if text.count("\ufffd") * 2 <= len(_NOT_ASCII.findall(text)) or not codec.startswith("utf-8"):
            return _without_surrogates(text)
    return _guess(data)


def _guess(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    codec = _detect(_sample(data))
    if codec is not None:
        try:
            return _without_surrogates(data.decode(codec))
        except (UnicodeError, ValueError):
            pass
    return data.decode("cp1252", "replace")


def _sample(data: bytes) -> bytes:
    """The stretch around the first byte above 127; ASCII tells a guesser nothing."""
    if len(data) <= _SAMPLE:
        return data
    first = _HIGH.search(data)
    start = max(0, first.start() - _SAMPLE // 4) if first else 0
    return data[start : start + _SAMPLE]


def _detect(sample: bytes) -> str | None:
    """What the guesser says, where it can know: Cyrillic, Greek and Asian texts are mostly bytes
    above 127. With an umlaut here and there it names any of thirty sets, so cp1252 is the better bet
    unless the text is long and the guess firm."""
    high = len(_HIGH.findall(sample))
    dense = high >= 4 and high * 3 >= len(sample) - sample.count(b" ")
    if not dense and high < 20:
        return None
    # Imported at first need: most mail says what it is, and the guesser's tables load slowly.
    from chardet import detect  # noqa: PLC0415

    found = detect(sample)
    name = str(found["encoding"] or "")
    sure = dense or ((found["confidence"] or 0) >= 0.3 and not name.lower().startswith(("mac", "cp8")))
    return codec_of(name) if sure and name else None


def _without_surrogates(text: str) -> str:
    """UTF-7 and UTF-16 can smuggle in half characters, which no store and no terminal takes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
