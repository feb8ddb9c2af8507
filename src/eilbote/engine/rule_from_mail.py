"""A rule that begins with a mail that somebody reads: what of it could be meant. Nothing here is saved.

A mail's text is never an instruction: what is taken from it is a value to compare with, and a person sees it
before it counts.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from eilbote.engine import browse, read
from eilbote.engine.app import App
from eilbote.engine.users import may_change
from eilbote.errors import NotAllowed
from eilbote.sieve.rule import AnyCondition, MailingList, Move, Rule, Sender, Subject
from eilbote.sieve.rule_check import faults
from eilbote.store.values import Placement, User

_REPLIES = re.compile(r"^(?:(?:re|aw|fwd?|wg|antwort)\s*(?:\[\d+\])?:\s*)+", re.IGNORECASE)
_LIST_ID = re.compile(r"<([^<>\s]{1,200})>\s*$")


class By(StrEnum):
    """What a rule from a mail asks for."""

    LIST = "list"
    SENDER = "sender"
    DOMAIN = "domain"
    SUBJECT = "subject"


class Offer(Struct, frozen=True):
    """One of the conditions that fit a mail; `shown` is its value."""

    by: By
    shown: str
    condition: AnyCondition


class FromMail(Struct, frozen=True):
    """A mail and what a rule could ask for; the first of them is what is mostly meant."""

    mail: Placement
    offers: tuple[Offer, ...]

    def rule(self, by: str) -> Rule:
        """A rule that asks for that, to be completed by a person."""
        chosen = next((one for one in self.offers if one.by == by), self.offers[0] if self.offers else None)
        conditions = () if chosen is None else (chosen.condition,)
        name = "" if chosen is None else chosen.shown[:60].strip()
        return Rule(name, conditions, (Move(""),), stop=True, account=self.mail.address)


def rule_from_mail(app: App, user: User, mail_id: str) -> FromMail:
    """Gone `store.no_message`, also where the user may not read it; NotAllowed `rules.not_yours`."""
    (mail,) = browse.readable_mail(app, user, [read.checked_id(mail_id)])
    if not may_change(user, mail.account):
        raise NotAllowed("rules.not_yours", account=mail.address)
    header = browse.message_of(app, mail.id).headers
    found: list[Offer] = []
    for value in header.all("list-id")[:1]:
        named = _LIST_ID.search(value.strip())
        if named:
            found.append(Offer(By.LIST, named[1], MailingList(False, (named[1],))))
    for address in mail.envelope.sender[:1]:
        domain = address.spec.rpartition("@")[2]
        found.append(Offer(By.SENDER, address.spec, Sender(False, (address.spec,))))
        if domain:
            found.append(Offer(By.DOMAIN, f"@{domain}", Sender(False, (f"@{domain}",))))
    subject = " ".join(_REPLIES.sub("", mail.envelope.subject).split())[:200]
    if subject:
        found.append(Offer(By.SUBJECT, subject, Subject(False, (subject,))))
    return FromMail(mail, tuple(one for one in found if _is_right(one.condition)))


def _is_right(condition: AnyCondition) -> bool:
    """Addresses in mails need not be any."""
    return not any(faults(Rule("x", (condition,), (), stop=True)))
