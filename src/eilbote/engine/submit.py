"""Mail that a program hands over, as cron, mutt and git do to `sendmail`: completed and queued.

The account is the one that the mail says it is from. Nobody else's address is ever put into a mail, and
nothing of its text is changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of, sender_named, usual_sender
from eilbote.engine.send import AT_ONCE, LARGEST, Envelope, Handling, queue_mail
from eilbote.engine.write import Queued, stamp_for
from eilbote.errors import Misused
from eilbote.mail.checks import warnings_for
from eilbote.mail.draft import Draft
from eilbote.mail.identity import Identity
from eilbote.mail.message import read_envelope
from eilbote.mail.submission import before_dot, submitted
from eilbote.mail.typed_addresses import typed_addresses
from eilbote.store.values import Account


class Posted(Struct, frozen=True):
    """What a program says beside the mail: `sender` (`-f`; None: not given, "" or `<>`: reports go
    nowhere), the name for From (`-F`), recipients, whether those of the header count too (`-t`), whether
    a dot alone ends it (no `-i`), and the account by name or the identity by address, where it is told."""

    recipients: Sequence[str] = ()
    from_header: bool = False
    dot_ends: bool = True
    sender: str | None = None
    name: str = ""
    account: str = ""
    identity: str = ""


def submit_mail(app: App, raw: bytes, posted: Posted, handling: Handling = AT_ONCE) -> Queued:
    """Completes the mail and puts it into the outbox; it is on disk then.

    Misused `send.too_large`, `send.which_account`, `compose.*`; NotAllowed and what else `queue_mail`
    raises.
    """
    if len(raw) > LARGEST:
        raise Misused("send.too_large", size=len(raw), limit=LARGEST)
    if posted.dot_ends:
        raw = before_dot(raw)
    writers = [each.spec for each in read_envelope(raw).sender if each.spec]
    account, identity = _sender(app, posted, writers)
    named = replace(identity, name=posted.name) if posted.name else identity
    stamp = stamp_for(app, account, identity.address, handling.key)
    recipients = [each for text in posted.recipients for each in _split(text)]
    composed = submitted(
        raw,
        named,
        stamp,
        recipients,
        from_header=posted.from_header,
        sender=_reports_to(posted, writers, identity),
    )
    sender = "" if posted.sender is not None and posted.sender.strip() in ("", "<>") else composed.sender
    mail = queue_mail(app, account, composed.raw, Envelope(sender, composed.recipients), handling)
    written_by = writers[0] if writers else identity.address
    known = [each for one in identities_of(app, account) for each in (one.address, *one.aliases)]
    return Queued(mail, warnings_for(Draft(Identity(written_by)), account.user, known))


def _split(argument: str) -> list[str]:
    """A recipient as programs give it: an address, a name of this machine, or a list of addresses."""
    if "@" not in argument:
        return [argument]
    return [each.spec for each in typed_addresses(argument)]


def _sender(app: App, posted: Posted, writers: Sequence[str]) -> tuple[Account, Identity]:
    """The account that is named, or has the address of `-f` or of From; else the usual one."""
    if posted.account:
        return _first_of(app, find_account(app, posted.account))
    if posted.identity:
        return sender_named(app, posted.identity) or _first_of(app, find_account(app, posted.identity))
    for address in (posted.sender or "", *writers):
        found = sender_named(app, address) if "@" in address else None
        if found is not None:
            return found
    return _first_of(app, usual_sender(app))


def _first_of(app: App, account: Account) -> tuple[Account, Identity]:
    return account, identities_of(app, account)[0]


def _reports_to(posted: Posted, writers: Sequence[str], identity: Identity) -> str:
    """Where reports go: what `-f` says, else From if that is the account's, else the account's address."""
    if posted.sender is not None and posted.sender.strip() not in ("", "<>"):
        return posted.sender
    return next((spec for spec in writers if identity.owns(spec)), "")
