"""The mails that rules send: a redirect, an answer, a rejection, a note. Composed here, queued in the same
transaction as all else that the rule does; who must not be answered is not answered.

A mail's text is never an instruction; to whom it goes, the rule alone says.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct

from eilbote.engine.act import Origin
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of
from eilbote.engine.send import Envelope, Handling, submissions
from eilbote.engine.stored_mail import StoredMail
from eilbote.engine.write import stamp_for
from eilbote.errors import Misused
from eilbote.mail.address import read_addresses
from eilbote.mail.draft import Composed
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.loops import loop_when_forwarded
from eilbote.mail.message import parse_message
from eilbote.mail.redirect import redirect
from eilbote.sieve.values import Notify, Redirect, Reject, Vacation
from eilbote.store.rule_values import Cap, Memory, Send
from eilbote.store.values import Account

_DAY = 86_400
_HANDLING = Handling(keep_copy=False)


class Unsent(Struct, frozen=True):
    """Why nothing is sent: what stands in history (`refused`). Nothing is wrong with the rule."""

    reason: str


class Mailing:
    """Composes for one account."""

    def __init__(self, app: App, account: Account) -> None:
        self._app = app
        self._account = account
        self._identities = identities_of(app, account)

    def own(self, address: str) -> bool:
        """Whether mail to this address is mail to this account."""
        return any(one.owns(address) for one in self._identities)

    def made_by(
        self,
        action: Redirect | Reject | Vacation | Notify,
        rule: str,
        mail: StoredMail,
        header: bytes | None,
    ) -> Send | Unsent:
        """What an action sends because of `mail`, whose header is `header` by now where a rule changed it.
        Misused `rules.bad_address`, `send.*`; Gone `store.headers_only`."""
        match action:
            case Redirect():
                return self._redirected(action, rule, mail, header)
            case Reject() | Vacation() | Notify():
                raise Misused("rules.cannot_send", action=type(action).__name__.lower())
            case _:
                assert_never(action)

    def _redirected(
        self, action: Redirect, rule: str, mail: StoredMail, header: bytes | None
    ) -> Send | Unsent:
        to = read_addresses(action.address)
        if len(to) != 1 or "@" not in to[0].spec:
            raise Misused("rules.bad_address", address=action.address[:100])
        if self.own(to[0].spec):
            return Unsent("own")
        identity = self._identities[0]
        loop = loop_when_forwarded(mail.message(), identity.address)
        if loop is not None:
            return Unsent(loop.value)
        raw = mail.raw if header is None else mail.with_header(header)
        stamp = stamp_for(self._app, self._account, identity.address)
        return self._sent(redirect(raw, identity, to, stamp), rule)

    def identity_for(self, mail: StoredMail) -> Identity:
        """The identity that a mail was written to, else the usual one."""
        envelope = parse_message(mail.header()).envelope
        named = [one.spec for one in (*envelope.to, *envelope.cc)]
        return next((i for i in self._identities if any(map(i.owns, named))), self._identities[0])

    def own_addresses(self) -> tuple[str, ...]:
        """All that reach this account."""
        return tuple(dict.fromkeys(spec for one in self._identities for spec in (one.address, *one.aliases)))

    def _sent(self, composed: Composed, rule: str, once: Memory | None = None) -> Send:
        envelope = Envelope(composed.sender, composed.recipients)
        (mail,) = submissions(
            self._app, self._account, [(composed.raw, envelope)], _HANDLING, origin=Origin.RULE
        )
        cap = Cap(
            rule,
            same_address(composed.recipients[0]),
            int(self._app.clock.now()) // _DAY,
            self._app.config.rule_daily_cap,
        )
        return Send(mail, cap, once)
