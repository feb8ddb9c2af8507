"""Pictures of a mail that lie elsewhere: fetched here, and only when a user asked, for this mail or for all
of its sender. The browser is given their bytes and never asks for one.

"Always" is believed where the server that keeps the mail vouches for its sender, and it is the one that did
when the user said so: a forged From opens nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine import browse
from eilbote.engine.app import App
from eilbote.errors import EilboteError, NotAllowed
from eilbote.mail.auth_results import voucher_for
from eilbote.mail.harmless_html import MAX_PICTURES, Harmless, harmless_html, is_showable
from eilbote.mail.message import Message, parse_message
from eilbote.mail.picture import picture_of
from eilbote.mail.remote_pictures import remote_pictures
from eilbote.net.picture import PUBLIC, Reach, fetch_picture, server_context
from eilbote.store.values import User

LARGEST = 4 * 1024 * 1024
"""Bytes of one picture; of all of a mail no more are fetched than are shown."""

SECONDS_EACH = 10.0
SECONDS_ALL = 25.0
AT_ONCE = 6
"""Of one mail."""

ALL_AT_ONCE = 12
KEPT = 16 * 1024 * 1024
"""Bytes that are kept in memory, so that to look once more tells nobody."""


class PictureWish(Struct, frozen=True):
    """What the user said about pictures of this mail's sender. `may_always`: the sender is vouched for."""

    sender: str
    may_always: bool
    always: bool


class WithPictures(Struct, frozen=True):
    """A mail's HTML with its pictures inside; `tracking` were left out because they only count readers,
    `failed` could not be fetched or are none."""

    harmless: Harmless
    shown: int
    tracking: int
    failed: int


def wish_of(app: App, user: User, message: Message) -> PictureWish:
    """For a mail that the user may read."""
    sender, voucher = _sender_of(message)
    said = app.store.picture_senders.voucher_of(user.id, sender) if voucher else None
    return PictureWish(sender, bool(voucher), said is not None and said == voucher)


def show_always(app: App, user: User, mail: int) -> None:
    """From now on for mails of this mail's sender. NotAllowed `picture.not_vouched`."""
    sender, voucher = _sender_of(parse_message(app.store.messages.raw(mail)))
    if not voucher:
        raise NotAllowed("picture.not_vouched")
    app.store.picture_senders.put(user.id, sender, voucher)


def always_shown(app: App, user: User) -> list[str]:
    """The addresses of `show_always`, in order."""
    return app.store.picture_senders.all(user.id)


def show_on_request(app: App, user: User, sender: str) -> None:
    """Takes `show_always` back."""
    app.store.picture_senders.remove(user.id, sender)


def _sender_of(message: Message) -> tuple[str, str]:
    """The one address of From, and who vouches for it; nobody where there are several."""
    senders = message.envelope.sender
    if len(senders) != 1 or not senders[0].spec or len(message.headers.sources("From")) != 1:
        return (senders[0].spec if senders else ""), ""
    spec = senders[0].spec
    return spec, voucher_for(message.headers, spec.rpartition("@")[2])


class Pictures:
    """Fetches pictures, and keeps the last ones in memory. One for all users: what is kept is what
    anybody can fetch who knows its address."""

    def __init__(self, app: App, reach: Reach = PUBLIC) -> None:
        self._app = app
        self._reach = reach
        self._all = asyncio.Semaphore(ALL_AT_ONCE)
        self._kept: dict[str, bytes] = {}

    async def html_with_pictures(self, mail: int) -> WithPictures | None:
        """For a mail that the user may read, and of which the user wants the pictures. None where it has
        no HTML that can be shown."""
        raw = await asyncio.to_thread(self._app.store.messages.raw, mail)
        message = parse_message(raw)
        html = message.body_html()
        if not html or not is_showable(html):
            return None
        wanted = await asyncio.to_thread(remote_pictures, html)
        found = await self._fetch(wanted.addresses)
        dots = {address for address, data in found.items() if (one := picture_of(data)) and one.is_dot}
        shown = {address: data for address, data in found.items() if address not in dots}
        harmless = await asyncio.to_thread(harmless_html, html, browse.own_pictures(message, html), shown)
        if harmless is None:
            return None
        failed = len(wanted.addresses) - len(found) + wanted.left_out
        return WithPictures(harmless, len(shown), wanted.tracking + len(dots), failed)

    async def _fetch(self, addresses: tuple[str, ...]) -> Mapping[str, bytes]:
        """Those that came in time and fit into one mail, in the order of the mail."""
        if self._reach.context is None:
            self._reach = replace(self._reach, context=await asyncio.to_thread(server_context))
        found: dict[str, bytes] = {}
        own = asyncio.Semaphore(AT_ONCE)
        left = MAX_PICTURES

        async def one(address: str) -> None:
            nonlocal left
            async with own, self._all:
                data = self._kept.get(address)
                if data is None and left > 0:
                    most = min(LARGEST, left)
                    try:
                        data = await fetch_picture(
                            address, most=most, seconds=SECONDS_EACH, reach=self._reach
                        )
                    except EilboteError:
                        return  # told to the user as one that could not be fetched
                if data is not None and len(data) <= left:
                    left -= len(data)
                    found[address] = data
                    self._keep(address, data)

        try:
            async with asyncio.timeout(SECONDS_ALL), asyncio.TaskGroup() as group:
                for address in addresses:
                    group.create_task(one(address))
        except TimeoutError:
            pass  # what came in time is shown, the rest counted as failed
        return {address: found[address] for address in addresses if address in found}

    def _keep(self, address: str, data: bytes) -> None:
        """The newest last; the oldest go."""
        self._kept.pop(address, None)
        self._kept[address] = data
        while sum(map(len, self._kept.values())) > KEPT:
            del self._kept[next(iter(self._kept))]
