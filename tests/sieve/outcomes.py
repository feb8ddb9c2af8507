"""What a script comes to, in a form in which ours and Pigeonhole's can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eilbote.sieve.mail import MessageMail
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import (
    Action,
    Discard,
    FileInto,
    Keep,
    Limits,
    MailboxSeen,
    Notify,
    Outcome,
    Redirect,
    Reject,
    Said,
    Vacation,
    World,
)

Deed = tuple[str, str, frozenset[str]]
"""What is done, with what, and flags in lower case."""

MAILBOXES = (
    MailboxSeen("INBOX"),
    MailboxSeen("There", id="F-there"),
    *(MailboxSeen(role, "\\" + role) for role in ("Junk", "Sent", "Drafts", "Trash", "Archive")),
)
SPAM = {"plain": 0.5, "encoded": 1.0, "group": 0.0}
VIRUS = {"encoded": 5, "group": 1}


def world(name: str = "", sender: str | None = None, recipient: str | None = None) -> World:
    """What Pigeonhole's private configuration knows too, for the mail of this name."""
    said = Said(spam=SPAM.get(name), virus=VIRUS.get(name))
    return World(
        now=1_770_000_000, envelope_from=sender, envelope_to=recipient, mailboxes=MAILBOXES, said=said
    )


def ours(
    text: str,
    mail: bytes,
    around: World | None = None,
    *,
    included: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    trace: bool = False,
) -> Outcome:
    """The outcome here; a script with problems is a failure."""
    script = read_script(text, included=included, limits=limits)
    assert isinstance(script, Script), [(found.at, str(found.problem)) for found in script]
    return run(script, MessageMail(mail), around or world(), trace=trace)


def deeds(outcome: Outcome) -> list[Deed]:
    """Our outcome in the form to compare; a problem is one deed."""
    if outcome.problem is not None:
        return [("problem", "", frozenset())]
    return sorted(map(_deed, outcome.actions), key=_order)


def stored(outcome: Outcome) -> list[str]:
    """The mailboxes of an outcome, in order."""
    return [action.mailbox for action in outcome.actions if isinstance(action, FileInto)]


def _deed(action: Action) -> Deed:
    match action:
        case Keep(flags=flags):
            return ("store", "INBOX", _flags(flags))
        case FileInto(mailbox=mailbox, flags=flags):
            return ("store", mailbox, _flags(flags))
        case Redirect(address=address):
            return ("redirect", address, frozenset())
        case Discard():
            return ("discard", "", frozenset())
        case Reject(reason=reason):
            return ("reject", reason, frozenset())
        case Vacation(seconds=seconds, subject=subject):
            return ("vacation", f"{seconds} {subject}", frozenset())
        case Notify(importance=importance):
            return ("notify", str(importance), frozenset())


def _flags(flags: Iterable[str]) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)


def _order(deed: Deed) -> tuple[str, str]:
    return deed[:2]
