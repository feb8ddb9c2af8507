"""The subject of an answer and of a forward: one prefix, however many were there."""

from __future__ import annotations

import re

_ANSWERED = r"(?:re|aw|antw|antwort|sv|vs|r|rif|res|odp|ynt|回复|答复)"
_PREFIX = re.compile(rf"\s*+{_ANSWERED}(?:\[\d{{1,3}}\]|\(\d{{1,3}}\)|\^\d{{1,3}})?\s?[:：]", re.IGNORECASE)
_FORWARD = re.compile(r"\s*+(?:fwd|fw|wg|wtr|tr|vb|i|rv|enc|转发)\s?[:：]", re.IGNORECASE)
_LIST = re.compile(r"\s*+(\[[^\[\]]{1,60}\])\s*+")
_MOST = 50  # prefixes that are taken off


def reply_subject(subject: str) -> str:
    """`Re: ` and the subject without the marks of answers before it, in any of the common languages; the
    name that a mailing list puts in front stays in front of the words."""
    found = _LIST.match(subject)
    if found and _PREFIX.match(subject, found.end()):
        return f"Re: {found[1]} {_without(_PREFIX, subject[found.end() :])}".rstrip()
    return f"Re: {_without(_PREFIX, subject)}".rstrip()


def forward_subject(subject: str) -> str:
    """`Fwd: ` and the subject without the marks of forwards before it."""
    return f"Fwd: {_without(_FORWARD, subject)}".rstrip()


def _without(prefix: re.Pattern[str], subject: str) -> str:
    at = 0
    for _ in range(_MOST):
        found = prefix.match(subject, at)
        if found is None:
            break
        at = found.end()
    return subject[at:].strip()
