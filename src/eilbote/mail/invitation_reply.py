"""The answer to an invitation, as its organiser's calendar reads it (RFC 5546 section 3.2.3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from eilbote.mail.envelope import Address
from eilbote.mail.invitation import Answer, Invitation, Moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def invitation_reply(invitation: Invitation, who: Address, answer: Answer, now: float) -> str:
    """The calendar that says it; `who` is the attendee as the invitation names them. The same event by UID,
    sequence and occasion; nothing of it is changed."""
    from icalendar import Calendar, Event, vCalAddress  # noqa: PLC0415  # heavy, and rarely needed

    calendar = Calendar()
    calendar.add("prodid", "-//Eilbote//Eilbote//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "REPLY")
    event = Event()
    event.add("uid", invitation.uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", _EPOCH + timedelta(seconds=int(now)))
    for name, moment in (
        ("dtstart", invitation.start),
        ("dtend", invitation.end),
        ("recurrence-id", invitation.occasion),
    ):
        if moment is not None:
            event.add(name, _written(moment))
    if invitation.title:
        event.add("summary", invitation.title)
    if invitation.organizer is not None:
        organizer = vCalAddress(f"mailto:{invitation.organizer.spec}")
        if invitation.organizer.name:
            organizer.params["CN"] = invitation.organizer.name
        event.add("organizer", organizer)
    attendee = vCalAddress(f"mailto:{who.spec}")
    if who.name:
        attendee.params["CN"] = who.name
    attendee.params["PARTSTAT"] = answer.upper()
    event.add("attendee", attendee)
    calendar.add_component(event)
    return str(calendar.to_ical(), "utf-8")


def _written(moment: Moment) -> datetime | date:
    at = _EPOCH + timedelta(seconds=moment.seconds)
    if moment.day:
        return at.date()
    return at.replace(tzinfo=None) if moment.floating else at
