"""An SMTP session over the network: protect the line, log in, hand mails over, quit.

Runs the flows of `protocols.smtp` over a line; holds no opinion on what becomes of a mail. One task at a
time uses a session. Whoever owns the mails keeps every checkpoint before the session goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice

from eilbote.errors import Garbled, Problem, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.dial import Address
from eilbote.net.opening import enter
from eilbote.net.smtp_conversation import Manner, Protection, Sender, SmtpConversation
from eilbote.net.terms import Terms
from eilbote.protocols.smtp import session as flows
from eilbote.protocols.smtp.handover import hand_over, refusal_before
from eilbote.protocols.smtp.limits import Limits, TimeLimits, Window
from eilbote.protocols.smtp.types import Checkpoint, Extensions, Mail, Reply, Said
from eilbote.store.values import Server

OUR_NAME = "[127.0.0.1]"
"""What a client says at EHLO: its own name is nobody's business."""


class SmtpSession:
    """A connection that is ready to take mail. Make one with `SmtpSession.open`."""

    def __init__(self, talk: SmtpConversation) -> None:
        self._talk = talk
        self._opening = tuple(talk.opening)

    @classmethod
    async def open(
        cls,
        server: Server,
        credential: Credential | None,
        terms: Terms,
        *,
        times: TimeLimits | None = None,
        limits: Limits | None = None,
        name: str = OUR_NAME,
    ) -> SmtpSession:
        """Connects to a submission server, protects the line and logs in, unless `credential` is None.

        Raises Unreachable (`net.certificate` and others), Refused (`smtp.login_refused`,
        `smtp.no_mechanism`, `smtp.refused`), Garbled, NotAllowed. `name` is what we call ourselves.
        """
        manner = Manner(name, times or TimeLimits(), limits or Limits())
        return cls(await _entered(server, credential, terms, manner, None))

    @classmethod
    async def open_mx(
        cls,
        server: Server,
        terms: Terms,
        protection: Protection,
        *,
        name: str,
        addresses: Sequence[Address] | None = None,
        times: TimeLimits | None = None,
        limits: Limits | None = None,
    ) -> SmtpSession:
        """Connects to the MX of a domain, mostly at port 25, as a stranger who logs in nowhere.

        `server.host` is the name that its certificate has to be for, `server.security` STARTTLS: what is
        done where there is no TLS, or another certificate, says `protection`. `addresses`: where it is,
        where the caller has looked it up. `name`: our own host name. Raises as `open` does, and what
        `protection.judge` raises.
        """
        manner = Manner(name, times or TimeLimits(), limits or Limits(), protection)
        return cls(await _entered(server, None, terms, manner, addresses))

    # --- what the server can do ------------------------------------------------------------------

    @property
    def extensions(self) -> Extensions:
        """As announced on the line as it is now."""
        return self._talk.dialogue.extensions

    @property
    def is_protected(self) -> bool:
        return self._talk.line.stream.is_protected

    @property
    def opening(self) -> tuple[Said, ...]:
        """What was said until the session was ready, without secrets: the beginning of every
        transcript."""
        return self._opening

    def refusal_before(self, mail: Mail) -> Problem | None:
        """Why this server cannot be given this mail (too big, needs an extension that it has not), None
        if nothing speaks against it. Says nothing to the server."""
        return refusal_before(mail, self._talk.dialogue)

    # --- handing over ----------------------------------------------------------------------------

    async def hand_over(self, sender: Sender, window: Window | None = None) -> Problem | None:
        """Hands over what `sender` gives until it has no more. Every mail that it gave is in the
        `finished` of one checkpoint, whatever happens to the line. Returns why the session is of no more
        use, None where it can go on. What `sender` raises leaves here, and the line is ended."""
        try:
            return await self._talk.hand_over(hand_over(self._talk.dialogue, window or Window()), sender)
        except BaseException:
            self.abort()
            raise

    async def send(
        self,
        mails: Iterable[Mail],
        keep: Callable[[Checkpoint], Awaitable[None]],
        window: Window | None = None,
    ) -> Problem | None:
        """Hands over these mails; `keep` is the sender's."""
        return await self.hand_over(_Listed(mails, keep), window)

    async def try_envelope(self, sender: str, recipient: str | None = None) -> list[Reply]:
        """What the server says to a sender and, where it takes that one, to a recipient; both are taken
        back, nothing is sent."""
        return await self._talk.run(flows.try_envelope(self._talk.dialogue, sender, recipient))

    # --- ending ----------------------------------------------------------------------------------

    async def quit(self) -> None:
        """Says good-bye. Whatever the server makes of it changes nothing any more."""
        try:
            await self._talk.run(flows.log_out())
        except (Unreachable, Garbled):
            pass
        finally:
            await self._talk.line.stream.close()

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._talk.line.abort()

    @property
    def bytes_received(self) -> int:
        return self._talk.line.stream.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self._talk.line.stream.bytes_sent

    @property
    def round_trips(self) -> int:
        """How often an answer was waited for."""
        return self._talk.line.round_trips


async def _entered(
    server: Server,
    credential: Credential | None,
    terms: Terms,
    manner: Manner,
    addresses: Sequence[Address] | None,
) -> SmtpConversation:
    return await enter(
        server,
        terms,
        lambda verify: SmtpConversation.connect(server, terms, manner, addresses, verify=verify),
        lambda talk: talk.begin(credential, terms.clock),
    )


class _Listed:
    """Mails that are there already, as a sender."""

    def __init__(self, mails: Iterable[Mail], keep: Callable[[Checkpoint], Awaitable[None]]) -> None:
        self._mails = iter(mails)
        self._keep = keep

    async def next_mails(self, count: int) -> Sequence[Mail]:
        return list(islice(self._mails, count))

    async def keep(self, checkpoint: Checkpoint) -> None:
        await self._keep(checkpoint)
