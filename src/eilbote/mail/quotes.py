"""A reply's own words apart from what it quotes and from the signature, in one pass over its lines.

Knows the marks that mail programs write in German, English and some neighbours' languages. When in
doubt a line is kept as new: better a quote too much than a sentence lost. Never raises; linear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

_MAX_LINE = 400
"""Characters of a line that the patterns look at."""

_ATTRIBUTION_LINES = 4
"""Lines over which `Am ... schrieb ...:` may be folded."""

_WROTE = (
    r"(?:\b(?:schrieb(?:en)?|schreibt|geschrieben|wrote|writes|wrotes|sent|a écrit|escribió|ha scritto"
    r"|scrisse|schreef|skrev|escreveu|napisała?|napsala?|написала?|написав|пишет|пише)\b|napisał\(a\))"
)
_ATTRIBUTION_START = re.compile(
    r"(?:am|on|at|le|el|il|op|den|em|dnia|w dniu|dne|\d{1,4}[./-]|\d{1,2}\s"
    r"|(?:mo|di|mi|do|fr|sa|so|mon|tue|wed|thu|fri|sat|sun)\w*,?\s"
    r"|[\w .,@+\"'-]{1,80}(?:<[^<>]{1,100}>|\[[^\[\]]{1,100}\]|\([^()]{1,100}\))?"
    r"\s*(?:schrieb|wrote|a écrit))",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(rf"{_WROTE}.{{0,200}}:$|^\d.{{0,160}}<\s?[^<>\s]+@[^<>\s]+>:$", re.IGNORECASE)
_SEPARATOR = re.compile(
    r"[\s>]*[-_=*]{2,}\s*(?:original[ -]?message|original[ -]?nachricht|ursprüngliche (?:nachricht|e-?mail)"
    r"|weitergeleitete nachricht|forwarded message|message d'origine|mensaje original|messaggio originale"
    r"|oorspronkelijk bericht|originalmeddelande|reply (?:message|above)|antwort)\b",
    re.IGNORECASE,
)
_APPLE_FORWARD = re.compile(
    r"(?:anfang der weitergeleiteten (?:nachricht|e-?mail)|begin forwarded message)\s*:?\s*$", re.IGNORECASE
)
_FIELD = re.compile(
    r"[\s>*]*(von|gesendet|datum|an|betreff|cc|kopie|antwort an|from|sent|date|to|subject|reply-to"
    r"|de|envoyé|à|objet|para|asunto|enviado|da|inviato|a|oggetto|van|verzonden|aan|onderwerp"
    r"|от|отправлено|кому|тема|från|skickat|till|ämne|fra|til|emne)\s?\*?\s?:\*?\s",
    re.IGNORECASE,
)
_SENDER_FIELDS = frozenset(("von", "from", "de", "da", "van", "от", "från", "fra"))
_RULE = re.compile(r"\s*[_-]{8,}\s*$")
_SIGNATURE = re.compile(r"(?:--|—|–)\s*$|_{2,}$")
_DEVICE = re.compile(
    r"(?:von meinem \S.{0,40} gesendet"
    r"|gesendet (?:von|mit|aus) (?:meinem|der|mein|outlook|mail|yahoo|k-9|gmx|web\.de|proton)"
    r"|diese nachricht wurde von meinem .{0,60} gesendet|sent (?:from|with|using|via) \S"
    r"|get outlook for |(?:holen sie sich|laden sie) outlook f"
    r"|envoyé (?:de|depuis) mon |verzonden met|verstuurd vanaf)",
    re.IGNORECASE,
)


class SplitText(Struct, frozen=True):
    """What the writer added, what stands quoted (marks and attributions included), the signature."""

    new: str
    quoted: str
    signature: str


def split_reply(text: str) -> SplitText:
    """Takes a plain text body apart; joined in order of lines the three hold every line of it."""
    lines = text.split("\n")
    kinds = line_kinds(lines)
    picked: dict[str, list[str]] = {"n": [], "q": [], "s": []}
    for line, kind in zip(lines, kinds, strict=True):
        picked[kind].append(line)
    new, quoted, signature = ("\n".join(picked[kind]).strip("\n") for kind in "nqs")
    return SplitText(new.strip(), quoted, signature)


def new_text(text: str) -> str:
    """What the writer added; the whole text where nothing would be left (a bare forward)."""
    return split_reply(text).new or text.strip()


def line_kinds(lines: Sequence[str]) -> str:
    """One letter a line: new, quoted, signature."""
    kinds = ["n"] * len(lines)
    at = 0
    own_words = False
    signature = False
    while at < len(lines):
        line = lines[at][:_MAX_LINE]
        if line.lstrip().startswith((">", "|>")):
            kinds[at] = "q"
            signature = False
            at += 1
            continue
        if _opens_quoted_rest(lines, at):
            kinds[at:] = ["q"] * (len(lines) - at)
            break
        if length := _attribution_length(lines, at):
            marked = _is_marked(lines, at + length)
            kinds[at : at + length] = ["q"] * length
            at += length
            if not marked and own_words:
                kinds[at:] = ["q"] * (len(lines) - at)  # a quote without marks: all that follows
                break
            signature = False
            continue
        bare = line.strip()
        if bare and not signature and (_SIGNATURE.match(bare) or _DEVICE.match(bare)):
            signature = bool(_SIGNATURE.match(bare)) or _is_last(lines, at)
            kinds[at] = "s"
        elif signature:
            kinds[at] = "s"
        elif bare:
            own_words = True
        at += 1
    return "".join(kinds)


def _opens_quoted_rest(lines: Sequence[str], at: int) -> bool:
    """Whether a quoted or forwarded mail without marks begins here and takes all that follows."""
    line = lines[at][:_MAX_LINE]
    if not line or line.isspace():
        return False
    if _SEPARATOR.match(line) or _APPLE_FORWARD.match(line.strip()):
        return True
    if _RULE.match(line):
        following = _first_filled(lines, at + 1)
        return following is not None and _is_header_block(lines, following)
    return _is_header_block(lines, at)


def _is_header_block(lines: Sequence[str], at: int) -> bool:
    """Outlook quotes under `Von: / Gesendet: / An: / Betreff:` (RFC 5322 fields in the user's language)."""
    first = _FIELD.match(lines[at][:_MAX_LINE] + " ")
    if first is None or first[1].lower() not in _SENDER_FIELDS:
        return False
    names = {
        found[1].lower() for line in lines[at + 1 : at + 8] if (found := _FIELD.match(line[:_MAX_LINE] + " "))
    }
    return len(names) >= 2


def _attribution_length(lines: Sequence[str], at: int) -> int:
    """Lines of an attribution that begins here, 0 if none does."""
    first = lines[at][:_MAX_LINE].strip()
    if not _ATTRIBUTION_START.match(first):
        return 0
    joined = ""
    for length, line in enumerate(lines[at : at + _ATTRIBUTION_LINES], 1):
        bare = line[:_MAX_LINE].strip()
        if not bare or (bare.startswith(">") and bare != ">:"):
            return 0
        joined = f"{joined} {bare}" if joined else bare
        if bare.endswith(":"):
            if not _ATTRIBUTION.search(joined):
                return 0
            # "..., so I wrote one:" is no attribution: one names a time or an address, or a quote follows.
            sure = "@" in joined or any(letter.isdigit() for letter in joined)
            return length if sure or _is_marked(lines, at + length) else 0
    return 0


def _is_marked(lines: Sequence[str], at: int) -> bool:
    """Whether the next filled line is quoted with `>`."""
    following = _first_filled(lines, at)
    return following is not None and lines[following].lstrip().startswith(">")


def _first_filled(lines: Sequence[str], at: int) -> int | None:
    """The next line that is not blank, among the next five."""
    return next((i for i in range(at, min(at + 5, len(lines))) if lines[i].strip()), None)


def _is_last(lines: Sequence[str], at: int) -> bool:
    """Whether nothing but a few lines follow: a device's signature stands at the end."""
    return not any(line.strip() and not line.lstrip().startswith(">") for line in lines[at + 1 : at + 40][3:])
