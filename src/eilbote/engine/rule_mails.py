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
from eilbote.mail import notification as note_words
from eilbote.mail import rejection as rejection_words
from eilbote.mail.address import read_addresses
from eilbote.mail.answering import Silence
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.identity import same_address
from eilbote.mail.language import language_of
from eilbote.mail.loops import loop_when_forwarded
from eilbote.mail.message import Message, parse_message
from eilbote.mail.notification import Untold, notification
from eilbote.mail.notification import Wanted as WantedNote
from eilbote.mail.redirect import redirect
from eilbote.mail.rejection import rejection
from eilbote.mail.vacation_answer import Absence, vacation_answer
from eilbote.sieve.values import Notify, Redirect, Reject, Vacation
from eilbote.store.rule_values import Cap, Memory, MemoryKind, Send
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
            case Vacation():
                return self._answered(action, rule, mail)
            case Reject():
                return self._rejected(action, rule, mail)
            case Notify():
                return self._told(action, rule, mail)
            case _:
                assert_never(action)

    def _answered(self, action: Vacation, rule: str, mail: StoredMail) -> Send | Unsent:
        """RFC 5230: at most once in the days that the rule says, to nobody who is a program."""
        absence = Absence(action.reason, action.subject, action.sender, action.addresses, action.mime)
        composed = vacation_answer(_head(mail), self._identities, absence, self._stamp())
        if isinstance(composed, Silence):
            return Unsent(composed.value)
        now = self._app.clock.now()
        pair = (action.handle, same_address(composed.recipients[0]))
        runs = self._app.store.rule_runs
        if runs.remembered(self._account.id, MemoryKind.VACATION, [pair], now):
            return Unsent("answered-before")
        once = Memory(MemoryKind.VACATION, *pair, now + action.seconds) if action.seconds > 0 else None
        return self._sent(composed, rule, once)

    def _rejected(self, action: Reject, rule: str, mail: StoredMail) -> Send | Unsent:
        """RFC 5429: by now only a notice can say it."""
        words = rejection_words.GERMAN if language_of(action.reason) == "de" else rejection_words.ENGLISH
        composed = rejection(_head(mail), self._identities, action.reason, words, self._stamp())
        return Unsent(composed.value) if isinstance(composed, Silence) else self._sent(composed, rule)

    def _told(self, action: Notify, rule: str, mail: StoredMail) -> Send | Unsent:
        """RFC 5436; another method than `mailto:` is not there."""
        head = _head(mail)
        language = self._app.config.language or language_of(action.message or head.envelope.subject)
        words = note_words.GERMAN if language == "de" else note_words.ENGLISH
        wanted = WantedNote(action.method, action.sender, action.importance, action.message)
        composed = notification(head, self._identities, wanted, words, self._stamp())
        if isinstance(composed, Untold):
            return Unsent(composed.value)
        if any(map(self.own, composed.recipients)):
            return Unsent("own")
        return self._sent(composed, rule)

    def _stamp(self) -> Stamp:
        return stamp_for(self._app, self._account, self._identities[0].address)

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
        return self._sent(redirect(raw, identity, to, self._stamp()), rule)

    def own_addresses(self) -> tuple[str, ...]:
        """All that reach this account."""
        return tuple(dict.fromkeys(spec for one in self._identities for spec in (one.address, *one.aliases)))

    def _reports_to(self) -> str:
        """The envelope's sender of what nobody shall answer: the null path (RFC 3834 section 3.3). Submission
        servers of providers take it from nobody, but the account's own address (RFC 6409 section 6.1); then
        what the mail says of itself ends loops, `Auto-Submitted` and our own field."""
        return "" if self._account.direct else self._identities[0].address

    def _sent(self, composed: Composed, rule: str, once: Memory | None = None) -> Send:
        envelope = Envelope(composed.sender or self._reports_to(), composed.recipients)
        (mail,) = submissions(
            self._app, self._account, [(composed.raw, envelope)], _HANDLING, origin=Origin.RULE
        )
        cap = Cap(
            rule or "Sieve",
            same_address(composed.recipients[0]),
            int(self._app.clock.now()) // _DAY,
            self._app.config.rule_daily_cap,
        )
        return Send(mail, cap, once)


def _head(mail: StoredMail) -> Message:
    """The mail without its text: an answer needs no more, and a mail that is here in part has no more."""
    return parse_message(mail.header())
