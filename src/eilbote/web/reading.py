"""The mail that is open, as the page shows it: what it says, the mails around it, and in which form.

To open an unread mail from our own page marks it read; nothing else here changes mail.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.engine import browse, read
from eilbote.engine.act import change_flags
from eilbote.engine.attached import Attached, attached_to
from eilbote.engine.drafts import is_draft
from eilbote.engine.first_contact import is_first_contact
from eilbote.engine.invitations import Invited, invited_by
from eilbote.engine.pictures import PictureWish, wish_of
from eilbote.engine.rule_work import Seen, history_of_mail
from eilbote.engine.users import may_change
from eilbote.mail.header_story import HeaderStory, header_story
from eilbote.mail.letter import Letter, letter_of
from eilbote.mail.mailbox import SEEN
from eilbote.mail.misleading import other_address_in
from eilbote.store.values import Placement
from eilbote.web.chain import Chain, chain_of
from eilbote.web.pictures import asked_for, was_asked_for
from eilbote.web.visit import Visit, user_of

_LONGEST_SOURCE = 256 * 1024
"""Bytes of a mail's source that are shown; all of it can be saved."""

_KEY_BYTES = 16
_VIEWS = ("html", "text", "headers", "source")


class Reading(Struct, frozen=True):
    """The mail that is open, as it is to be shown."""

    mail: Placement
    shown: read.Shown
    attached: list[Attached]
    conversation: int
    """Mails in it."""
    chain: Chain
    misleading: str
    """An address that the sender's name shows and that is not the sender's."""
    first_contact: bool
    view: str
    has_html: bool
    remote: int
    """Pictures of the HTML that lie elsewhere."""
    wish: PictureWish | None
    pictures: str
    """Empty where they are not shown; see `pictures.asked_for`."""
    show_pictures: str
    source: str
    letter: Letter
    story: HeaderStory | None
    invited: Invited | None
    key: str
    """Names an answer, so that a form sent twice is one mail."""
    changeable: bool
    is_draft: bool
    ruled: list[Seen]
    """What rules did with it, the newest first."""


def reading_of(visit: Visit, mail: str, view: str) -> Reading:
    user, app = user_of(visit), visit.app
    (placement,) = browse.readable_mail(app, user, [read.checked_id(mail)])
    changeable = may_change(user, placement.account)
    # Only a click on our own page: a link from elsewhere changes nothing.
    marks = changeable and visit.from_here and visit.preferences.mark_read
    if marks and SEEN not in placement.flags:
        change_flags(app, [placement.id], [SEEN])
    message = browse.message_of(app, placement.id)
    shown = read.show_mail(app, mail, message)
    html = None if shown.headers_only else browse.html_of(message)
    has_html = html is not None
    view = view if view in _VIEWS and (has_html or view != "html") else _usual(visit, has_html=has_html)
    source = browse.source_of(app, placement.id, _LONGEST_SOURCE) if view == "source" else ""
    remote = html.remote if html is not None and view == "html" else 0
    wish = wish_of(app, user, message) if remote else None
    asked = asked_for(visit, placement.id)
    wanted = wish is not None and (
        wish.always or was_asked_for(visit, placement.id, visit.query.get("pictures", ""))
    )
    conversation = browse.conversation_of(app, placement)
    return Reading(
        placement,
        shown,
        attached_to(message, shown.attachments),
        len(conversation),
        chain_of(visit, conversation, placement.id, marks=marks),
        next(filter(None, map(other_address_in, placement.envelope.sender)), ""),
        is_first_contact(app, placement),
        view,
        has_html,
        remote,
        wish,
        asked if wanted else "",
        asked,
        source,
        letter_of(shown.text if view == "text" else ""),
        header_story(message.headers) if view == "headers" else None,
        invited_by(app, user, placement, message) if view in ("html", "text") else None,
        app.clock.random_bytes(_KEY_BYTES).hex(),
        changeable,
        is_draft(app, placement),
        history_of_mail(app, user, placement.id),
    )


def _usual(visit: Visit, *, has_html: bool) -> str:
    return "html" if has_html and visit.preferences.html else "text"
