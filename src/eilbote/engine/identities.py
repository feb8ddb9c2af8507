"""As whom mail is written: the identities of an account, and the account that an address belongs to.

Every account has at least one, made of its address and name; what is said about it here stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.errors import Gone, Misused
from eilbote.mail.field_writing import address_on_wire, checked
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.typed_addresses import typed_addresses
from eilbote.store.values import Account

LONGEST_SIGNATURE = 10_000


class Saying(Struct, frozen=True):
    """What is said about an identity; None: it stays as it is."""

    name: str | None = None
    reply_to: str | None = None
    signature: str | None = None
    organization: str | None = None
    aliases: Sequence[str] | None = None
    usual: bool | None = None
    """Whether it is taken where nothing says which; where none is, that of the account's address."""


def identities_of(app: App, account: Account) -> list[Identity]:
    """The usual one first; at least one. That of the account's address needs no row of its own."""
    kept = app.store.identities.all(account.id)
    usual = [identity for identity, is_usual in kept if is_usual]
    rest = [identity for identity, is_usual in kept if not is_usual]
    own = [one for one in rest if same_address(one.address) == same_address(account.address)]
    if not own and not any(same_address(one.address) == same_address(account.address) for one in usual):
        own = [Identity(account.address, account.name)]
    return [*usual, *own, *(one for one in rest if one not in own)]


def add_identity(app: App, account: Account, address: str, saying: Saying) -> Identity:
    """Misused `identity.exists`, `identity.long_signature`, `compose.*`."""
    if any(same_address(one.address) == same_address(address) for one in identities_of(app, account)):
        raise Misused("identity.exists", address=address)
    made = _checked(Identity(address, account.name), saying)
    app.store.identities.put(account.id, made, usual=bool(saying.usual))
    return made


def change_identity(app: App, account: Account, address: str, saying: Saying) -> Identity:
    """Gone `identity.unknown`; Misused as `add_identity`."""
    known = identities_of(app, account)
    found = _named(known, address)
    made = _checked(found, saying)
    kept = app.store.identities.all(account.id)
    was = any(is_usual and one.address == found.address for one, is_usual in kept)
    app.store.identities.put(account.id, made, usual=was if saying.usual is None else saying.usual)
    return made


def remove_identity(app: App, account: Account, address: str) -> None:
    """Forgets what was said about an address; that of the account itself is then what its name makes.
    Gone `identity.unknown`."""
    _named(identities_of(app, account), address)
    app.store.identities.remove(account.id, address)


def sender_named(app: App, text: str) -> tuple[Account, Identity] | None:
    """Whose address this is; None where no account that sends has it. An address that is said to be an
    identity counts before one that is only an alias or a tagged form."""
    wanted = same_address(text)
    found = [(account, one) for account in senders(app) for one in identities_of(app, account)]
    exact = [(account, one) for account, one in found if same_address(one.address) == wanted]
    return next(iter([*exact, *((account, one) for account, one in found if one.owns(text))]), None)


def senders(app: App) -> list[Account]:
    """The accounts that mail can be sent from."""
    return [account for account in app.store.accounts.all() if account.can_send]


def usual_sender(app: App) -> Account:
    """The account that sends where nothing says which: that of the setting `send_from`, else the only one.
    Misused `account.none`, `send.no_sender`, `send.which_account`."""
    if app.config.send_from:
        named = sender_named(app, app.config.send_from)
        return named[0] if named is not None else find_account(app, app.config.send_from)
    match senders(app):
        case [account]:
            return account
        case []:
            raise Misused("send.no_sender" if app.store.accounts.all() else "account.none")
        case several:
            raise Misused("send.which_account", accounts=", ".join(each.address for each in several))


def _named(known: Sequence[Identity], address: str) -> Identity:
    for one in known:
        if same_address(one.address) == same_address(address):
            return one
    raise Gone("identity.unknown", address=address, known=", ".join(one.address for one in known))


def _checked(before: Identity, saying: Saying) -> Identity:
    """Everything in it can stand in a header."""
    address_on_wire("From", before.address)
    signature = before.signature if saying.signature is None else saying.signature
    signature = signature.replace("\r\n", "\n").strip("\n")
    if len(signature) > LONGEST_SIGNATURE:
        raise Misused("identity.long_signature", limit=LONGEST_SIGNATURE)
    for line in signature.split("\n"):
        checked("signature", line)
    return replace(
        before,
        name=before.name if saying.name is None else checked("From", saying.name),
        reply_to=before.reply_to if saying.reply_to is None else typed_addresses(saying.reply_to, "Reply-To"),
        signature=signature,
        organization=(
            before.organization
            if saying.organization is None
            else checked("Organization", saying.organization)
        ),
        aliases=before.aliases if saying.aliases is None else tuple(map(_alias, saying.aliases)),
    )


def _alias(text: str) -> str:
    """An address, or `@domain` for all of a domain."""
    text = text.strip()
    address_on_wire("alias", f"x{text}" if text.startswith("@") else text)
    return text
