"""Mail that a person writes: new, an answer, a forward, a redirect; made from what they typed and queued.

What is warned of is told and never stops a mail. Nothing here speaks to a server.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from mimetypes import MimeTypes
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from eilbote.delivery.schedule import moment
from eilbote.delivery.values import Outgoing
from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of, sender_named, usual_sender
from eilbote.engine.read import checked_id
from eilbote.engine.send import AT_ONCE, LARGEST, Envelope, Handling, queue_mail
from eilbote.errors import Misused, NotAllowed, Problem
from eilbote.mail.address import is_address
from eilbote.mail.checks import warnings_for
from eilbote.mail.compose import compose
from eilbote.mail.draft import Composed, Draft, File, Image, Priority, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.forward import forward_attached, forward_by_rule, forward_inline
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.language import language_of
from eilbote.mail.loops import loop_when_forwarded
from eilbote.mail.mailbox import ANSWERED
from eilbote.mail.message import Message, parse_message
from eilbote.mail.quoting import ENGLISH, GERMAN, QuoteWords
from eilbote.mail.redirect import redirect
from eilbote.mail.reply import Audience, addressed_identity, reply
from eilbote.mail.stamping import CHANCE, new_stamp, stamp_again
from eilbote.mail.typed_addresses import typed_addresses
from eilbote.store.values import Account

FORWARDED = "$Forwarded"
"""The keyword of mail that was sent on (RFC 5788 registers it)."""


class Letter(Struct, frozen=True):
    """What a person has typed. Addresses as text, files as paths. At most one of `answers`, `forwards` and
    `redirects` is the id of a mail here; `draft` that of a draft that is written on. `language`: of the
    person, for words where the mail tells none. `by_itself`: forwarded as a program does it, with answers
    to the first writer and an end to loops."""

    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    subject: str | None = None
    text: str = ""
    markdown: bool = False
    files: Sequence[Path] = ()
    images: Sequence[Path] = ()
    sender: str = ""
    answers: str = ""
    everyone: bool = False
    forwards: str = ""
    attached: bool = False
    by_itself: bool = False
    redirects: str = ""
    draft: str = ""
    priority: Priority = Priority.NORMAL
    language: str = "en"


class Queued(Struct, frozen=True):
    """A mail in the outbox, and what its writer may want to know about it."""

    mail: Outgoing
    warnings: tuple[Problem, ...] = ()


def write_mail(app: App, letter: Letter, handling: Handling = AT_ONCE, *, mark: bool = True) -> Queued:
    """Makes the mail and puts it into the outbox; it is on disk then. A mail that is redirected gets its
    mark once this one is out, unless `mark` is False.

    Raises Misused for what was typed wrongly (`compose.*`, `send.*`, `mail.bad_id`, `redirect.no_header`),
    Gone for mail that is not here, NotAllowed `send.key_reused`.
    """
    if letter.redirects:
        return _queue_redirect(app, letter, handling, mark=mark)
    account, draft, _ = first_draft(app, letter)
    return queue_draft(app, account, draft, letter, handling)


def queue_draft(app: App, account: Account, draft: Draft, letter: Letter, handling: Handling) -> Queued:
    """Queues what a draft says; `letter` tells what it answers or forwards. Raises as `write_mail`."""
    composed = compose(draft, stamp_for(app, account, draft.identity.address, handling.key))
    if letter.answers or letter.forwards:
        number = checked_id(letter.answers or letter.forwards)
        handling = replace(handling, answers=number, marks=ANSWERED if letter.answers else FORWARDED)
    return Queued(_queue(app, account, composed, handling), warnings_about(app, account, draft))


def first_draft(app: App, letter: Letter) -> tuple[Account, Draft, Message | None]:
    """What is written as a value, who sends it, and the mail that it answers or forwards."""
    original = _original(app, letter)
    account, identities = _writer(app, letter, original)
    return account, _draft(letter, identities, original, _offset(app.clock.now())), original


def warnings_about(app: App, account: Account, draft: Draft) -> tuple[Problem, ...]:
    """What the writer may want to know before it goes out."""
    known = [each for one in identities_of(app, account) for each in (one.address, *one.aliases)]
    return warnings_for(draft, account.user, known)


def stamp_for(app: App, account: Account, address: str, key: str = "") -> Stamp:
    """A stamp for a new mail; where a mail was queued under `key` already, the stamp of that one."""
    earlier = app.store.outbox.of_key(account.id, key) if key else None
    again = stamp_again(earlier.message_id) if earlier is not None else None
    if again is not None:
        return replace(again, offset=_offset(again.date))
    now = app.clock.now()
    return new_stamp(now, app.clock.random_bytes(CHANCE), address, _offset(now))


def sending_time(app: App, text: str) -> float:
    """When `text` (`2026-11-28T08:00:00+01:00`, `tomorrow 8:00`, `morgen um 8`) is, in seconds since 1970.
    Misused `send.bad_time`, `send.past`."""
    now = app.clock.now()
    found = moment(text, datetime.fromtimestamp(now, UTC).astimezone())
    if found is None:
        raise Misused("send.bad_time", time=text[:100])
    try:
        seconds = found.timestamp()
    except (OverflowError, ValueError, OSError):
        raise Misused("send.bad_time", time=text[:100]) from None
    if seconds < now - 60:
        raise Misused("send.past", time=text[:100])
    return seconds


def _original(app: App, letter: Letter) -> Message | None:
    """The mail that is answered or sent on. For an answer its text is enough."""
    given = [each for each in (letter.answers, letter.forwards, letter.redirects) if each]
    if len(given) > 1:
        raise Misused("send.one_original")
    if not given:
        return None
    number = checked_id(given[0])
    app.store.messages.get(number)
    raw = app.store.messages.raw(number) if letter.answers else app.store.messages.whole(number)
    return parse_message(raw)


def _writer(app: App, letter: Letter, original: Message | None) -> tuple[Account, Sequence[Identity]]:
    """The account that sends, and its identities, the meant one first."""
    if letter.sender:
        named = sender_named(app, letter.sender)
        account = named[0] if named is not None else find_account(app, letter.sender)
        identities = identities_of(app, account)
        if named is None:
            return account, identities
        chosen = named[1]
        if is_address(letter.sender) and same_address(letter.sender) != same_address(chosen.address):
            chosen = replace(chosen, address=letter.sender)  # an alias of it
        return account, [chosen, *(each for each in identities if each is not named[1])]
    if original is not None:
        number = checked_id(letter.answers or letter.forwards or letter.redirects)
        account = app.store.accounts.get(app.store.messages.get(number)[0].account)
        if account.can_send:
            identities = identities_of(app, account)
            addressed = addressed_identity(original, identities)
            return account, [addressed, *(each for each in identities if each != addressed)]
    account = usual_sender(app)
    return account, identities_of(app, account)


def _draft(letter: Letter, identities: Sequence[Identity], original: Message | None, offset: int) -> Draft:
    """What is sent, as a value."""
    if original is None:
        draft = Draft(identity=identities[0])
    elif letter.answers:
        audience = Audience.EVERYONE if letter.everyone else Audience.SENDER
        draft = reply(original, identities, _words(letter, original), audience, offset)
        draft = replace(draft, identity=identities[0])
    elif letter.by_itself:
        draft = _forwarded_by_itself(letter, identities[0], original, offset)
    elif letter.attached:
        draft = forward_attached(original, identities[0])
    else:
        draft = forward_inline(original, identities[0], _words(letter, original), offset)
    draft = changed_by(letter, draft)
    return replace(draft, language=draft.language or language_of(letter.text))


def _forwarded_by_itself(letter: Letter, identity: Identity, original: Message, offset: int) -> Draft:
    """Under the own address, so that it passes SPF, DKIM and DMARC; NotAllowed `send.loop`."""
    loop = loop_when_forwarded(original, identity.address)
    if loop is not None:
        raise NotAllowed("send.loop", reason=loop.value)
    words = _words(letter, original)
    return forward_by_rule(original, identity, (), words, attached=letter.attached, offset=offset)


def changed_by(letter: Letter, draft: Draft) -> Draft:
    """The draft with what was typed: people of an answer come beside those it has, everything else that is
    given takes the place of what was there; files come beside."""
    to, cc, bcc = _typed(letter.to, "To"), _typed(letter.cc, "Cc"), _typed(letter.bcc, "Bcc")
    files = tuple(_file(path) for path in letter.files)
    text, images = _with_images(letter)
    _check_size([*(one.content for one in files), *(one.content for one in images)])
    beside = bool(letter.answers)
    return replace(
        draft,
        to=(*draft.to, *to) if beside else to or draft.to,
        cc=(*draft.cc, *cc) if beside else cc or draft.cc,
        bcc=bcc or draft.bcc,
        subject=draft.subject if letter.subject is None else letter.subject,
        text=text or draft.text,
        markdown=letter.markdown or draft.markdown,
        files=(*draft.files, *files),
        images=(*draft.images, *images),
        priority=draft.priority if letter.priority is Priority.NORMAL else letter.priority,
    )


def _queue_redirect(app: App, letter: Letter, handling: Handling, *, mark: bool) -> Queued:
    original = _original(app, letter)
    assert original is not None
    account, identities = _writer(app, letter, original)
    to = (*_typed(letter.to, "To"), *_typed(letter.cc, "Cc"))
    bcc = _typed(letter.bcc, "Bcc")
    stamp = stamp_for(app, account, identities[0].address, handling.key)
    composed = redirect(original.raw, identities[0], to, stamp, bcc)
    if mark:
        handling = replace(handling, answers=checked_id(letter.redirects), marks=FORWARDED)
    return Queued(_queue(app, account, composed, handling))


def _queue(app: App, account: Account, composed: Composed, handling: Handling) -> Outgoing:
    return queue_mail(app, account, composed.raw, Envelope(composed.sender, composed.recipients), handling)


def _typed(texts: Sequence[str], field: str) -> tuple[Address, ...]:
    return tuple(address for text in texts for address in typed_addresses(text, field))


def _words(letter: Letter, original: Message) -> QuoteWords:
    """The words above a quote, in the language of the mail, else of its answer, else of the person."""
    language = language_of(original.body_text()) or language_of(letter.text) or letter.language
    return GERMAN if language == "de" else ENGLISH


def _file(path: Path) -> File:
    kind, _ = _TYPES.guess_type(path.name, strict=False)
    return File(path.name, read_file(path), kind or "application/octet-stream")


_TYPES = MimeTypes()  # what is built in: the same on every machine


def _with_images(letter: Letter) -> tuple[str, tuple[Image, ...]]:
    """The text with its pictures: what it names as a file is the picture itself."""
    text = letter.text
    images: list[Image] = []
    for number, path in enumerate(letter.images, 1):
        one = _file(path)
        if not one.type.startswith("image/"):
            raise Misused("send.no_image", file=path.name)
        content_id = f"image{number}.{re.sub(r'[^A-Za-z0-9.-]', '-', path.name)[-60:]}@inline"
        places = re.compile(rf"(!\[[^\]]*\]\()(?:cid:)?{re.escape(path.name)}(?=[)\s])")
        text = places.sub(rf"\g<1>cid:{content_id}", text)
        images.append(Image(content_id, one.content, one.type, path.name))
    return text, tuple(images)


def read_file(path: Path) -> bytes:
    """All of a file that is to be sent. Misused `send.no_such_file`, `send.not_a_file`,
    `send.unreadable_file`, `send.too_large`."""
    try:
        if not path.is_file():
            raise Misused("send.not_a_file" if path.exists() else "send.no_such_file", file=str(path))
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as problem:
        raise Misused("send.unreadable_file", file=str(path), reason=problem.strerror or "") from None
    _check_size([data])
    return data


def read_text(path: Path) -> str:
    """A text that is to be sent. Misused as `read_file`, `send.text_not_utf8`."""
    return decoded_text(read_file(path))


def decoded_text(data: bytes) -> str:
    """Misused `send.text_not_utf8`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misused("send.text_not_utf8") from None


def _check_size(contents: Sequence[bytes]) -> None:
    size = sum(map(len, contents))
    if size > LARGEST:
        raise Misused("send.too_large", size=size, limit=LARGEST)


def _offset(seconds: float) -> int:
    """Minutes east of UTC that the machine's clock shows at that moment."""
    shift = datetime.fromtimestamp(seconds, UTC).astimezone().utcoffset()
    return int(shift.total_seconds()) // 60 if shift is not None else 0
