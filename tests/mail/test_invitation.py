"""Invitations as big calendars write them, hostile ones, and the answer to one."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from icalendar import Calendar

from eilbote.mail.calendar_lines import MAX_ATTENDEES, MAX_EVENTS
from eilbote.mail.envelope import Address
from eilbote.mail.invitation import (
    ANSWERS,
    Answer,
    Attendee,
    Invitation,
    Moment,
    Repeats,
    invitation_in,
    read_invitation,
)
from eilbote.mail.invitation_reply import invitation_reply
from eilbote.mail.message import parse_message
from tests.messages.invitations import ANSWERED, APPLE, CANCELLED, GOOGLE, OUTLOOK, mail_with

WORKDAYS = tuple((0, day) for day in ("MO", "TU", "WE", "TH", "FR"))


def seconds(*moment: int) -> float:
    return datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def read(calendar: str) -> Invitation:
    found = read_invitation(calendar)
    assert found is not None
    return found


def test_as_google_writes_it() -> None:
    found = read(GOOGLE)
    assert (found.method, found.uid, found.sequence) == ("REQUEST", "abc123@google.com", 0)
    assert (found.title, found.where) == ("Besprechung <b>Haushalt</b>", "Raum 3, Köln")
    assert found.text == "Bitte Zahlen mitbringen.\nDanke, Max"
    assert found.start == Moment(seconds(2026, 12, 3, 9)) and found.end == Moment(seconds(2026, 12, 3, 10))
    assert found.organizer == Address("Max Müller", "max@example.org")
    assert found.attendees == (
        Attendee(Address("", "anna@example.org")),
        Attendee(Address("Eva, Klein", "eva@example.org"), "accepted", optional=True),
    )
    assert not found.cancelled and found.repeats is None


def test_as_outlook_writes_it_with_a_time_zone_of_its_own() -> None:
    found = read(OUTLOOK)
    assert found.start == Moment(seconds(2026, 7, 6, 8)) and found.end == Moment(seconds(2026, 7, 6, 8, 30))
    assert found.repeats == Repeats(
        "weekly", 2, ((0, "MO"), (0, "WE")), until=Moment(seconds(2026, 12, 21, 9))
    )
    assert found.sequence == 2
    winter = read(OUTLOOK.replace("20260706", "20261207"))
    assert winter.start == Moment(seconds(2026, 12, 7, 9))
    for day, hour in (("20260329", 8), ("20260328", 9), ("20261025", 9), ("20261024", 8)):
        start = read(OUTLOOK.replace("20260706", day)).start
        assert start is not None and datetime.fromtimestamp(start.seconds, UTC).hour == hour, day


def test_as_apple_writes_it_for_whole_days() -> None:
    found = read(APPLE)
    assert found.start == Moment(seconds(2026, 12, 24), day=True)
    assert found.end == Moment(seconds(2026, 12, 26), day=True)
    assert found.repeats == Repeats("yearly")
    assert found.attendees[0].answer == "accepted"


def test_windows_names_and_times_without_a_zone() -> None:
    assert read(ANSWERED).start == Moment(seconds(2026, 12, 3, 9))
    floating = read(GOOGLE.replace("DTSTART:20261203T090000Z", "DTSTART;TZID=Nowhere/At All:20261203T090000"))
    assert floating.start == Moment(seconds(2026, 12, 3, 9), floating=True)


def test_updates_cancellations_and_answers() -> None:
    assert read(CANCELLED).cancelled and read(CANCELLED).method == "CANCEL"
    told = read(ANSWERED)
    assert (told.method, told.attendees[0].answer) == ("REPLY", "declined")


@pytest.mark.parametrize(
    ("rule", "repeats"),
    [
        ("FREQ=DAILY", Repeats("daily")),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=10", Repeats("weekly", 1, WORKDAYS, count=10)),
        ("FREQ=MONTHLY;BYDAY=2TU", Repeats("monthly", 1, ((2, "TU"),))),
        ("FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=3", Repeats("monthly", 3, ((-1, "FR"),))),
        ("FREQ=MONTHLY;BYMONTHDAY=15", Repeats("monthly", 1, month_day=15)),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", Repeats("yearly", 1, month_day=24)),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", Repeats()),
        ("FREQ=SECONDLY;COUNT=99999999", Repeats(count=99999999)),
        ("FREQ=YEARLY;BYYEARDAY=1", Repeats()),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", Repeats()),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 500), Repeats()),
    ],
)  # fmt: skip
def test_series_are_described_and_never_expanded(rule: str, repeats: Repeats) -> None:
    assert read(GOOGLE.replace("SEQUENCE:0", f"SEQUENCE:0\r\nRRULE:{rule}")).repeats == repeats


def test_the_part_is_found_in_every_shape() -> None:
    for raw in (mail_with(GOOGLE), mail_with(GOOGLE, attached=True)):
        found = invitation_in(parse_message(raw))
        assert found is not None and found.uid == "abc123@google.com"
    assert invitation_in(parse_message(b"Subject: x\r\n\r\nBEGIN:VCALENDAR")) is None


@pytest.mark.parametrize(
    "calendar",
    [
        "",
        "BEGIN:VCALENDAR\n" * 50_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\n" + "ATTENDEE:mailto:a@b.example\n" * 20_000 + "END:VEVENT\n",
        "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nUID:x\nEND:VEVENT\n" * 20_000,
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nDTSTART" + ";A=B" * 100_000 + ":x\nEND:VEVENT\n",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nSUMMARY:" + "\n \\," * 100_000 + "\nEND:VEVENT\n",
        "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:x\n" + "BEGIN:STANDARD\nTZOFFSETTO:+1\nEND:STANDARD\n" * 9000,
        GOOGLE.replace("DTSTART:20261203T090000Z", "DTSTART:99999999T999999Z"),
        GOOGLE.replace("DTSTART:20261203T090000Z", "DTSTART;TZID=Asia/Tokyo:00010101T000000"),
        GOOGLE.replace("DTEND:20261203T100000Z", "DURATION:P999999999999W"),
        GOOGLE.replace("SEQUENCE:0", "SEQUENCE:" + "9" * 5000),
        GOOGLE.replace("SEQUENCE:0", "SEQUENCE:x\r\nRRULE:FREQ=;;=;COUNT=x\r\nORGANIZER:javascript:x"),
        GOOGLE.replace("mailto:", "http:"),
        OUTLOOK.replace("BYMONTH=10", "BYMONTH=99").replace("TZOFFSETTO:+0200", "TZOFFSETTO:+9999"),
    ],
)  # fmt: skip
def test_hostile_calendars_are_bounded(calendar: str) -> None:
    begun = time.process_time()
    found = read_invitation(calendar)
    assert time.process_time() - begun < 2
    if found is not None:
        assert len(found.attendees) <= MAX_ATTENDEES and found.others <= MAX_EVENTS
        assert len(found.title) <= 300 and 0 <= found.sequence <= 2**31


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("calendar", [GOOGLE, OUTLOOK, APPLE])
def test_the_answer_names_the_same_event_and_one_person(calendar: str, answer: Answer) -> None:
    invitation = read(calendar)
    who = Address('Anna "X"; Größe', "anna@example.org")
    text = invitation_reply(invitation, who, answer, 1_790_000_000.5)
    told = Calendar.from_ical(text)
    assert (told["METHOD"], told["VERSION"]) == ("REPLY", "2.0")
    (event,) = told.walk("VEVENT")
    assert event["UID"] == invitation.uid and event["SEQUENCE"] == invitation.sequence
    assert event["ORGANIZER"] == "mailto:max@example.org"
    assert event["ATTENDEE"] == "mailto:anna@example.org"
    assert event["ATTENDEE"].params["PARTSTAT"] == answer.upper()
    again = read(text)
    assert (again.start, again.end, again.title) == (invitation.start, invitation.end, invitation.title)
    assert again.attendees[0].answer == answer
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_one_occasion_of_a_series() -> None:
    calendar = GOOGLE.replace("SEQUENCE:0", "SEQUENCE:0\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261210T100000")
    invitation = read(calendar)
    assert invitation.occasion == Moment(seconds(2026, 12, 10, 9))
    assert invitation.event != read(GOOGLE).event
    again = read(invitation_reply(invitation, Address("", "anna@example.org"), "declined", 1_790_000_000))
    assert again.occasion == invitation.occasion


ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Z\r\nBEGIN:STANDARD\r\nTZOFFSETTO:+0100\r\nDTSTART:{start}\r\n"
    "RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        (ZONE.format(start="20200101T020000", month="²"), "DTSTART;TZID=Z:20260101T000000"),
        (ZONE.format(start="20200101T²²0000", month="10"), "DTSTART;TZID=Z:20260101T000000"),
        ("", f"DTSTART;TZID={'a' * 5000}:20260101T000000"),
    ],
    ids=["a month that is no number", "an hour that is no number", "a zone no file can be named by"],
)
def test_what_no_clock_shows_keeps_no_mail_from_being_read(zone: str, start: str) -> None:
    event = f"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Fest\r\n{start}\r\nEND:VEVENT\r\n"
    found = read_invitation(f"BEGIN:VCALENDAR\r\n{zone}{event}END:VCALENDAR\r\n")
    assert found is None or found.title == "Fest"
