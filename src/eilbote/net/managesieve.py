"""A ManageSieve session over the network: log in; list, fetch, store, activate, delete scripts; log out.

Runs the flows of `protocols.managesieve` over a line; holds no opinion on which script should filter. One
task at a time uses a session. After Unreachable or Garbled it is of no more use. It never goes to another
server than the one it was made for, whatever that one says.
"""

from __future__ import annotations

from eilbote.errors import EilboteError
from eilbote.net.credential import Credential
from eilbote.net.managesieve_conversation import ManageSieveConversation
from eilbote.net.opening import enter
from eilbote.net.terms import Terms
from eilbote.protocols.managesieve import scripts
from eilbote.protocols.managesieve import session as flows
from eilbote.protocols.managesieve.limits import Limits
from eilbote.protocols.managesieve.values import Capabilities, Judgement, Remark, ScriptListing, ScriptName
from eilbote.store.values import Server


class ManageSieveSession:
    """A logged-in connection. Make one with `ManageSieveSession.open`. Every step raises Unreachable and
    Garbled, and Refused `managesieve.refused` where the server says no without a reason of its own."""

    def __init__(self, talk: ManageSieveConversation) -> None:
        self._talk = talk

    @classmethod
    async def open(
        cls, server: Server, credential: Credential, terms: Terms, *, limits: Limits | None = None
    ) -> ManageSieveSession:
        """Connects, protects the line and logs in.

        Raises Unreachable (`net.certificate` and others), Refused (`managesieve.login_refused`,
        `managesieve.no_mechanism`, `managesieve.referral`), Garbled, NotAllowed.
        """
        talk = await enter(
            server,
            terms,
            lambda verify: ManageSieveConversation.connect(server, terms, limits, verify=verify),
            lambda talk: talk.log_in(credential, terms.clock),
        )
        return cls(talk)

    # --- the scripts -----------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """As announced after the login."""
        return self._talk.dialogue.capabilities

    async def list(self) -> ScriptListing:
        """Every script and which is active."""
        return await self._talk.run(scripts.listing(self._talk.dialogue))

    async def fetch(self, name: ScriptName) -> bytes:
        """The content of a script. Gone `managesieve.no_such_script`."""
        return await self._talk.run(scripts.fetch(self._talk.dialogue, name))

    async def put(self, name: ScriptName, script: bytes, *, overwrite: bool = True) -> tuple[Remark, ...]:
        """As `scripts.put`: stores a script; the server's warnings."""
        return await self._talk.run(scripts.put(self._talk.dialogue, name, script, overwrite=overwrite))

    async def check(self, script: bytes, spare: ScriptName) -> Judgement:
        """As `scripts.check`: what the server makes of a script, which it does not keep."""
        return await self._talk.run(scripts.check(self._talk.dialogue, script, spare))

    async def activate(self, name: ScriptName | None) -> None:
        """Makes a script the one that filters; None: none does."""
        await self._talk.run(scripts.activate(self._talk.dialogue, name))

    async def delete(self, name: ScriptName) -> None:
        """Deletes a script that is not active."""
        await self._talk.run(scripts.delete(self._talk.dialogue, name))

    async def rename(self, name: ScriptName, new: ScriptName) -> None:
        """As `scripts.rename`."""
        await self._talk.run(scripts.rename(self._talk.dialogue, name, new))

    async def have_space(self, name: ScriptName, size: int) -> None:
        """As `scripts.have_space`."""
        await self._talk.run(scripts.have_space(self._talk.dialogue, name, size))

    async def keep_alive(self) -> None:
        """Asks something without an effect, so that the server does not end the session for idleness."""
        await self._talk.run(flows.keep_alive(self._talk.dialogue))

    # --- ending ----------------------------------------------------------------------------------

    async def log_out(self) -> None:
        """Says good-bye. Whatever the server makes of it changes nothing any more."""
        try:
            await self._talk.run(flows.log_out())
        except EilboteError:
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
