"""Invitations that mail brings, as the user sees and answers them: read from the mail at hand, answered
through the outbox from the address that was invited. Nothing else is done by opening one.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from eilbote.delivery.values import SendState
from eilbote.engine import browse
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of
from eilbote.engine.send import Handling
from eilbote.engine.users import may_change
from eilbote.engine.write import Letter, Queued, queue_draft
from eilbote.errors import Gone, Misused
from eilbote.mail.draft import Draft
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.invitation import Answer, Invitation, calendar_part, invitation_in
from eilbote.mail.invitation_reply import invitation_reply
from eilbote.mail.mailbox import ANSWERED
from eilbote.mail.message import Message, parse_message
from eilbote.store.invitation_answers import GivenAnswer
from eilbote.store.values import Account, Placement, User


class Invited(Struct, frozen=True):
    """An invitation in a mail. `me`: the attendee that is this account, None where nobody of it is invited.
    `may_answer`: one is asked for, and the user may give it. `given`: the answer that was given from here;
    `outgoing`: the mail that says so, 0 where it is gone from the outbox. `outdated`: the event was changed
    since that answer."""

    invitation: Invitation
    me: Address | None
    may_answer: bool
    given: str = ""
    outgoing: int = 0
    outdated: bool = False


class AnswerWords(Struct, frozen=True):
    """What a person reads of the answer."""

    subject: str
    text: str


def calendar_of(app: App, mail: int) -> bytes:
    """The calendar as the mail brings it, to be saved. Gone `invitation.none`, `store.headers_only`."""
    part = calendar_part(parse_message(app.store.messages.whole(mail)))
    if part is None:
        raise Gone("invitation.none")
    return part.content()


def answer_invitation(
    app: App, user: User, mail: int, answer: Answer, words: AnswerWords, handling: Handling
) -> Queued:
    """Queues the answer to the organiser. Gone `store.no_message`, `invitation.none`; NotAllowed
    `user.may_not_change`; Misused `invitation.not_asked` where this mail asks nobody of this account."""
    (placement,) = browse.changeable_mail(app, user, [mail])
    message = parse_message(app.store.messages.raw(placement.id))
    invited = invited_by(app, user, placement, message)
    if invited is None:
        raise Gone("invitation.none")
    invitation, me = invited.invitation, invited.me
    if not invited.may_answer or me is None or invitation.organizer is None:
        raise Misused("invitation.not_asked")
    account = app.store.accounts.get(placement.account)
    identity = next(one for one in identities_of(app, account) if one.owns(me.spec))
    draft = _draft(invitation, identity, me, answer, words, message, app.clock.now())
    handling = replace(handling, answers=placement.id, marks=ANSWERED)
    queued = queue_draft(app, account, draft, Letter(), handling)
    given = GivenAnswer(answer, invitation.sequence, queued.mail.id)
    app.store.invitation_answers.put(account.id, invitation.event, given)
    return queued


def _draft(
    invitation: Invitation,
    identity: Identity,
    me: Address,
    answer: Answer,
    words: AnswerWords,
    message: Message,
    now: float,
) -> Draft:
    assert invitation.organizer is not None
    envelope = message.envelope
    who = Address(identity.name or me.name, me.spec)
    return Draft(
        # From the very address that was invited: by it the organiser's calendar knows who answers.
        identity=replace(identity, address=me.spec, reply_to=()),
        to=(invitation.organizer,),
        subject=words.subject,
        text=words.text,
        sign=False,
        in_reply_to=envelope.message_id,
        references=(*envelope.references, envelope.message_id)[-20:] if envelope.message_id else (),
        calendar=invitation_reply(invitation, who, answer, now),
    )


def invited_by(app: App, user: User, mail: Placement, message: Message) -> Invited | None:
    """For a mail that the user may read; None where it brings no invitation."""
    invitation = invitation_in(message)
    if invitation is None:
        return None
    account = app.store.accounts.get(mail.account)
    me = _attendee_of(app, account, invitation)
    may_answer = (
        me is not None
        and invitation.method == "REQUEST"
        and not invitation.cancelled
        and bool(invitation.organizer and invitation.organizer.spec)
        and account.can_send
        and may_change(user, account.id)
    )
    given = app.store.invitation_answers.of(account.id, invitation.event)
    if given is None:
        return Invited(invitation, me, may_answer)
    outgoing = _outgoing(app, given.outgoing)
    if outgoing is SendState.CANCELLED:
        return Invited(invitation, me, may_answer)
    number = given.outgoing if outgoing is not None else 0
    return Invited(
        invitation, me, may_answer, given.answer, number, outdated=given.sequence < invitation.sequence
    )


def _attendee_of(app: App, account: Account, invitation: Invitation) -> Address | None:
    """The attendee whose address is one of the account; the exact one first."""
    identities = identities_of(app, account)
    exact = {same_address(one.address) for one in identities}
    people = [one.who for one in invitation.attendees if one.who.spec]
    return next(
        (one for one in people if same_address(one.spec) in exact),
        next((one for one in people if any(mine.owns(one.spec) for mine in identities)), None),
    )


def _outgoing(app: App, number: int) -> SendState | None:
    try:
        return app.store.outbox.get(number).state
    except Gone:
        return None
