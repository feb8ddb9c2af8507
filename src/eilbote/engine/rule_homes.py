"""Where the mail of an account can be put by a rule: its mailboxes as scripts and rules name them."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.engine.act import Act, Origin, check_allowed
from eilbote.engine.app import App
from eilbote.errors import Misused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.sieve.values import MailboxSeen
from eilbote.store.local import ROLE_NAMES
from eilbote.store.rule_values import Target
from eilbote.store.values import Mailbox
from eilbote.sync.naming import Named, style_of

_LONGEST = 1000


class Homes:
    """The mailboxes of one account at one moment."""

    def __init__(self, app: App, account: int) -> None:
        self.all: Sequence[Mailbox] = app.store.mailboxes.all(account)
        self._style = style_of([Named(one.name, one.delimiter, one.role) for one in self.all])
        self._names = {one.name: one for one in self.all}

    @property
    def inbox(self) -> Mailbox | None:
        """Where new mail comes in."""
        found = (one for one in self.all if one.role is SpecialUse.INBOX or one.name.upper() == "INBOX")
        return next(found, None)

    @property
    def is_gmail(self) -> bool:
        """Whether mailboxes are labels of the same mails."""
        return any(one.role is SpecialUse.ALL for one in self.all)

    def seen(self) -> tuple[MailboxSeen, ...]:
        """The mailboxes in the words of tests (RFC 5490, 8579, 9042)."""
        return tuple(
            MailboxSeen(one.name, f"\\{one.role.value.capitalize()}" if one.role else "", one.object_id)
            for one in self.all
            if one.selectable
        )

    def named(self, name: str, special_use: str = "", mailbox_id: str = "") -> Target:
        """The target of a `fileinto`. An id that is known counts before a role that some mailbox has, and
        that before the name (RFC 8579 section 4.1, RFC 9042 section 5). Misused `mailbox.bad_name`."""
        check_allowed(Origin.RULE, Act.MAILBOX)
        if mailbox_id:
            of_id = next((one for one in self.all if one.object_id == mailbox_id), None)
            if of_id is not None:
                return self._target(of_id)
        role = _role(special_use)
        if role is not None:
            of_role = next((one for one in self.all if one.role is role and one.selectable), None)
            if of_role is not None:
                return self._target(of_role)
            return Target(self._called(name), self._style.delimiter, role)
        if name.upper() == "INBOX" and self.inbox is not None:
            return self._target(self.inbox)
        known = self._names.get(MailboxName(name)) or self._names.get(self._called(name))
        return self._target(known) if known is not None else Target(self._called(name), self._style.delimiter)

    def of_role(self, role: SpecialUse) -> Target:
        """The mailbox with this role, or one of its usual name, which is made."""
        found = next((one for one in self.all if one.role is role and one.selectable), None)
        if found is not None:
            return Target(found.name, found.delimiter, role)
        return Target(self._called(ROLE_NAMES[role]), self._style.delimiter, role)

    def _target(self, mailbox: Mailbox) -> Target:
        return Target(mailbox.name, mailbox.delimiter)

    def name_of(self, mailbox: int) -> str:
        """What the mailbox with this number is called; empty where it is gone."""
        return next((one.name for one in self.all if one.id == mailbox), "")

    def _called(self, name: str) -> MailboxName:
        """The name as this server would have it: its delimiter between the levels, its prefix before."""
        delimiter, prefix = self._style.delimiter, self._style.prefix
        if delimiter and delimiter != "/" and delimiter not in name:
            name = name.replace("/", delimiter)
        levels = name.split(delimiter) if delimiter else [name]
        if (
            not all(level.strip() for level in levels)
            or len(name) > _LONGEST
            or any(ord(character) < 32 or ord(character) == 127 for character in name)
        ):
            raise Misused("mailbox.bad_name", mailbox=name[:100])
        known = name.upper().startswith(prefix.upper())
        return MailboxName(prefix + (name[len(prefix) :] if known else name))


def _role(special_use: str) -> SpecialUse | None:
    name = special_use.removeprefix("\\").lower()
    return SpecialUse(name) if name in set(SpecialUse) else None
