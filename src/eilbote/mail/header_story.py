"""What a mail's header tells, for people: the way it took, who vouches for its sender, and what its fields
mean. Words for it are the pages' business; here are facts.

Whatever a server below the own provider's wrote can be forged, and so can all that the sender wrote: the
story says which lines are the provider's own. Never raises; bounded in number and length.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from eilbote.mail.address import read_addresses
from eilbote.mail.auth_results import Result, own_results
from eilbote.mail.envelope import Address
from eilbote.mail.headers import Headers
from eilbote.mail.hops import MAX_HOPS, Hop, hops_of
from eilbote.mail.identity import same_address

MAX_OTHERS = 300
LONGEST_VALUE = 2000


_TOLD = frozenset(
    ("received", "authentication-results", "return-path", "reply-to", "list-id", "importance", "x-priority",
     "priority", "message-id", "user-agent", "x-mailer", "from", "to", "cc", "bcc", "subject", "date",
     "sender")
)  # fmt: skip
_HIGH, _LOW = ("high", "urgent", "1", "2"), ("low", "non-urgent", "4", "5")


class HeaderStory(Struct, frozen=True):
    """Hops oldest first. `checks`: what `checked_by`, the provider, found; `claims`: fields of such
    checks that are not the provider's. `answers_elsewhere`: Reply-To leads to nobody of From."""

    hops: tuple[Hop, ...]
    hops_left_out: int
    checks: tuple[Result, ...]
    checked_by: str
    claims: int
    bounces_to: str
    sender: str
    reply_to: tuple[Address, ...]
    answers_elsewhere: bool
    list_id: str
    priority: Literal["high", "low", ""]
    message_id: str
    program: str
    others: tuple[tuple[str, str], ...]


def header_story(headers: Headers) -> HeaderStory:
    """The story of one mail."""
    own = own_results(headers)
    senders = read_addresses(headers.source("From") or "")
    replies = read_addresses(headers.source("Reply-To") or "")[:20]
    known = {same_address(one.spec) for one in senders}
    sender = headers.get("Sender")[:LONGEST_VALUE]
    others = [(name[:100], value[:LONGEST_VALUE]) for name, value in headers if name.lower() not in _TOLD][
        :MAX_OTHERS
    ]
    return HeaderStory(
        hops=tuple(reversed(hops_of(headers))),
        hops_left_out=max(0, len(headers.sources("Received")) - MAX_HOPS),
        checks=own.results if own else (),
        checked_by=own.server if own else "",
        claims=len(headers.sources("Authentication-Results")) - (1 if own else 0),
        bounces_to=headers.get("Return-Path").strip("<> ")[:320],
        sender=sender if sender and same_address(_spec(sender)) not in known else "",
        reply_to=replies,
        answers_elsewhere=bool(known) and any(same_address(one.spec) not in known for one in replies),
        list_id=headers.get("List-Id")[:320],
        priority=_priority(headers),
        message_id=headers.get("Message-ID").strip("<> ")[:998],
        program=(headers.get("User-Agent") or headers.get("X-Mailer"))[:200],
        others=tuple(others),
    )


def _spec(text: str) -> str:
    found = read_addresses(text)
    return found[0].spec if found else ""


def _priority(headers: Headers) -> Literal["high", "low", ""]:
    for name in ("Importance", "X-Priority", "Priority"):
        said = headers.get(name).strip().lower().partition(" ")[0]
        if said in _HIGH:
            return "high"
        if said in _LOW:
            return "low"
    return ""
