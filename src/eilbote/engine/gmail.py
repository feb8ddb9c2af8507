"""On Gmail a mailbox is a label: one mail lies in All Mail and in the mailbox of every label it has.

Here is decided which of its places an act means. Gmail itself does the rest: a mail moved to the trash
loses all its labels, one moved out of the inbox into All Mail only the inbox.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.engine.app import App
from eilbote.mail.mailbox import SpecialUse
from eilbote.store.values import Mailbox

HAVE_ALL_LABELS = (SpecialUse.ALL, SpecialUse.JUNK, SpecialUse.TRASH)
"""Each mail lies in one of these, and FETCH tells all its labels there; the mailbox of a label leaves out
its own."""

_ROOTS = ("[Gmail]/", "[Google Mail]/")


_OWN = {
    "\\Inbox": SpecialUse.INBOX,
    "\\Sent": SpecialUse.SENT,
    "\\Draft": SpecialUse.DRAFTS,
    "\\Drafts": SpecialUse.DRAFTS,
}


def stands_for(mailbox: Mailbox, label: str) -> bool:
    """Whether the mailbox shows the mails with this label."""
    return mailbox.selectable and (mailbox.name == label or _OWN.get(label) is mailbox.role is not None)


def all_mail(app: App, account: int) -> Mailbox | None:
    """Gmail's mailbox of all mail; None in every other account."""
    return next(
        (
            one
            for one in app.store.mailboxes.all(account)
            if one.role is SpecialUse.ALL and one.name.startswith(_ROOTS)
        ),
        None,
    )


def place_meant(places: Sequence[tuple[tuple[int, int], Mailbox]]) -> tuple[int, int]:
    """Which place of a mail is moved: that in the inbox, else that of a label, else that in All Mail."""

    def rank(one: tuple[tuple[int, int], Mailbox]) -> int:
        role = one[1].role
        return 0 if role is SpecialUse.INBOX else 2 if role is SpecialUse.ALL else 1

    return min(places, key=rank)[0]
