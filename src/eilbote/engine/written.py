"""What stands in the form of a mail that is being written, as values, and the draft that it makes. Nothing
is looked up here, and nothing that was typed is changed.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.address import is_address, read_addresses
from eilbote.mail.draft import Draft, Priority
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import checked
from eilbote.mail.identity import Identity
from eilbote.mail.language import language_of
from eilbote.mail.typed_addresses import as_typed, typed_addresses

LONGEST_TEXT = 1 << 20
"""Characters of a text that is written here."""

_LONGEST_FIELD = 100_000


class Typed(Struct, frozen=True):
    """What the form says. `sender` is the address of an identity; people are as they were typed, and what
    is empty stays empty. `quotes`: with the text of the mail that is answered or sent on; `sign`: with the
    identity's signature. `markdown`: the text is that. `at`: when it is to leave, as people say it
    (`tomorrow 8:00`), empty for now."""

    sender: str
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    quotes: bool = True
    markdown: bool = False
    sign: bool = True
    priority: Priority = Priority.NORMAL
    at: str = ""


class Begun(Struct, frozen=True):
    """What a mail began with and its writer does not type: the ids of the mails here that it answers or
    sends on, what is quoted, what it refers to. `addressed`: of an answer, the address of ours that the
    mail was written to."""

    answers: str = ""
    forwards: str = ""
    quoted: str = ""
    answers_below: bool = False
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    reply_to: tuple[Address, ...] = ()
    language: str = ""
    layout_lost: bool = False
    addressed: str = ""


class Content(Struct, frozen=True):
    """Everything of it but its files."""

    typed: Typed
    begun: Begun = Begun()

    def as_text(self) -> str:
        """As the store keeps it."""
        return msgspec.json.encode(self).decode()


def read_content(text: str) -> Content:
    """The inverse of `Content.as_text`."""
    return msgspec.json.decode(text, type=Content)


def begun_with(draft: Draft, *, answers: str = "", forwards: str = "", layout_lost: bool = False) -> Begun:
    """What of a draft is not typed."""
    return Begun(
        answers,
        forwards,
        draft.quoted,
        draft.answers_below,
        draft.in_reply_to,
        draft.references,
        draft.reply_to,
        draft.language,
        layout_lost,
        draft.identity.address if answers else "",
    )


def typed_of(draft: Draft) -> Typed:
    """What the form of a draft shows."""
    return Typed(
        draft.identity.address,
        as_typed(draft.to),
        as_typed(draft.cc),
        as_typed(draft.bcc),
        draft.subject,
        draft.text,
        markdown=draft.markdown,
        sign=draft.sign,
        priority=draft.priority,
    )


def check_typed(typed: Typed) -> None:
    """Misused `compose.character`, `draft.long_text`: what no mail can hold, wherever it stands."""
    for name, value in (("To", typed.to), ("Cc", typed.cc), ("Bcc", typed.bcc), ("Subject", typed.subject)):
        checked(name, value)
        if len(value) > _LONGEST_FIELD:
            raise Misused("draft.long_text", limit=_LONGEST_FIELD)
    if len(typed.text) > LONGEST_TEXT:
        raise Misused("draft.long_text", limit=LONGEST_TEXT)


def draft_to_send(content: Content, identity: Identity) -> Draft:
    """The mail exactly as the form says it, without files. Misused `compose.*`, `send.nobody`."""
    typed = content.typed
    draft = replace(
        _draft(content, identity),
        to=typed_addresses(typed.to, "To"),
        cc=typed_addresses(typed.cc, "Cc"),
        bcc=typed_addresses(typed.bcc, "Bcc"),
    )
    if not (draft.to or draft.cc or draft.bcc):
        raise Misused("send.nobody")
    return draft


def draft_to_keep(content: Content, identity: Identity) -> Draft:
    """The mail as it lies among the drafts: of addresses those that are complete."""
    typed = content.typed
    return replace(
        _draft(content, identity),
        to=_complete(typed.to),
        cc=_complete(typed.cc),
        bcc=_complete(typed.bcc),
    )


def _draft(content: Content, identity: Identity) -> Draft:
    typed, begun = content.typed, content.begun
    return Draft(
        identity=identity,
        reply_to=begun.reply_to,
        subject=typed.subject,
        text=typed.text,
        markdown=typed.markdown,
        quoted=begun.quoted if typed.quotes else "",
        answers_below=begun.answers_below,
        sign=typed.sign,
        in_reply_to=begun.in_reply_to,
        references=begun.references,
        priority=typed.priority,
        language=begun.language or language_of(typed.text),
    )


def _complete(text: str) -> tuple[Address, ...]:
    try:
        return typed_addresses(text)
    except Misused:  # an address is still being typed
        return tuple(one for one in read_addresses(text) if _is_complete(one))


def _is_complete(address: Address) -> bool:
    try:
        return is_address(address.spec) and typed_addresses(as_typed([address])) != ()
    except Misused:
        return False
