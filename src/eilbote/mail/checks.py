"""What a draft is asked before it goes out. Warnings are values; none ever stops a mail."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eilbote.errors import Problem
from eilbote.mail.draft import Draft
from eilbote.mail.identity import Identity, same_address

_READ = 50_000
_SAYS_ATTACHED = re.compile(
    r"\b(?:(?:im|in den|siehe|s\.|als|den|der|dieser|mit|beiliegende[rn]?) anh[aä]ng(?:e|en)?\b"
    r"|(?:in|laut|gem[aä]ß) der (?:anlage|beilage)\b|(?:siehe|s\.|als) (?:anlage|beilage)\b|anlagen?:"
    r"|anbei\b|angeh[aä]ngte?[snrm]?\b|angef[uü]gte?[snrm]?\b|beigef[uü]gte?[snrm]?\b|anh[aä]ngend"
    r"|h[aä]nge? (?:ich )?(?:\w+ ){0,4}an\b"
    r"|(?:i|we|i've|we've|have|is|are|find|see|the|please|as) (?:also )?attach(?:ed|ments?|ing)?\b(?! to)"
    r"|attached (?:is|are|you|please|file|document|pdf|image)s?\b|attached to this (?:e-?mail|message|mail)\b"
    r"|(?:find|is|are) enclosed\b|enclosed (?:is|are|you|please)\b|in the attachment)",
    re.IGNORECASE,
)
_LOCAL_PICTURE = re.compile(r"!\[[^\]\n]{0,1000}\]\((?!(?:https?|cid):)([^)(\s]{1,200})", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:kein(?:en?|em)?|ohne|nicht|not|no|without|n't)\s+(?:\w+\s+)?$", re.IGNORECASE)
_SAME_PROVIDER = {"googlemail.com": "gmail.com"}


def warnings_for(draft: Draft, login: str = "", may_send_as: Iterable[str] = ()) -> tuple[Problem, ...]:
    """What the writer may want to know. `login` is the user name at the submission server;
    `may_send_as` are addresses (or `@domain`) known to belong to it."""
    found = []
    if name := missing_picture(draft):
        found.append(Problem("compose.picture_missing", {"name": name}))
    if not draft.files and not draft.images and (words := mentioned_attachment(draft)):
        found.append(Problem("compose.attachment_missing", {"words": words}))
    address = draft.identity.address
    if "@" in login and not _belongs(address, login, may_send_as):
        found.append(Problem("compose.foreign_sender", {"address": address, "login": login}))
    return tuple(found)


def mentioned_attachment(draft: Draft) -> str:
    """The words of the writer (not of a quote) that speak of an attachment, empty if none do."""
    own = [line for line in draft.text[:_READ].split("\n") if not line.startswith(">")]
    text = " ".join([draft.subject, *own])
    for found in _SAYS_ATTACHED.finditer(text):
        if not _DENIED.search(text[max(found.start() - 40, 0) : found.start()]):
            return found[0]
    return ""


def missing_picture(draft: Draft) -> str:
    """The first picture that the Markdown shows from a file of the writer's, which no reader has; empty if
    there is none."""
    found = _LOCAL_PICTURE.search(draft.text[:_READ]) if draft.markdown else None
    return found[1] if found else ""


def _belongs(address: str, login: str, may_send_as: Iterable[str]) -> bool:
    own = Identity(_one_provider(login), aliases=tuple(map(_one_provider, may_send_as)))
    return own.owns(_one_provider(address))


def _one_provider(address: str) -> str:
    local, at, domain = same_address(address).rpartition("@")
    return local + at + _SAME_PROVIDER.get(domain, domain)
