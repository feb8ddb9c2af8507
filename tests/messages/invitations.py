"""Invitations as the calendars of Google, Microsoft and Apple write them, made up."""

from __future__ import annotations

GOOGLE = """BEGIN:VCALENDAR\r
PRODID:-//Google Inc//Google Calendar 70.9054//EN\r
VERSION:2.0\r
CALSCALE:GREGORIAN\r
METHOD:REQUEST\r
BEGIN:VEVENT\r
DTSTART:20261203T090000Z\r
DTEND:20261203T100000Z\r
DTSTAMP:20261101T100000Z\r
ORGANIZER;CN=Max Müller:mailto:max@example.org\r
UID:abc123@google.com\r
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=\r
 TRUE;CN=anna@example.org;X-NUM-GUESTS=0:mailto:anna@example.org\r
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;CN="Eva, K\r
 lein":mailto:eva@example.org\r
X-MICROSOFT-CDO-OWNERAPPTID:-1\r
CREATED:20261101T095900Z\r
DESCRIPTION:Bitte Zahlen mitbringen.\\nDanke\\, Max\r
LOCATION:Raum 3\\, Köln\r
SEQUENCE:0\r
STATUS:CONFIRMED\r
SUMMARY:Besprechung <b>Haushalt</b>\r
TRANSP:OPAQUE\r
BEGIN:VALARM\r
ACTION:DISPLAY\r
DESCRIPTION:Not this\r
TRIGGER:-P0DT0H10M0S\r
END:VALARM\r
END:VEVENT\r
END:VCALENDAR\r
"""

OUTLOOK = """BEGIN:VCALENDAR\r
METHOD:REQUEST\r
PRODID:Microsoft Exchange Server 2010\r
VERSION:2.0\r
BEGIN:VTIMEZONE\r
TZID:(UTC+01:00) Amsterdam\r
BEGIN:STANDARD\r
DTSTART:16010101T030000\r
TZOFFSETFROM:+0200\r
TZOFFSETTO:+0100\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r
END:STANDARD\r
BEGIN:DAYLIGHT\r
DTSTART:16010101T020000\r
TZOFFSETFROM:+0100\r
TZOFFSETTO:+0200\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r
END:DAYLIGHT\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
ORGANIZER;CN=Max Müller:mailto:max@example.org\r
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Anna:MAILTO:\r
 ANNA@example.org\r
DESCRIPTION;LANGUAGE=de-DE:\\n\r
RRULE:FREQ=WEEKLY;UNTIL=20261221T090000Z;INTERVAL=2;BYDAY=MO,WE;WKST=MO\r
UID:040000008200E00074C5B7101A82E008\r
SUMMARY;LANGUAGE=de-DE:Jour fixe\r
DTSTART;TZID="(UTC+01:00) Amsterdam":20260706T100000\r
DTEND;TZID="(UTC+01:00) Amsterdam":20260706T103000\r
CLASS:PUBLIC\r
PRIORITY:5\r
DTSTAMP:20260701T100000Z\r
STATUS:CONFIRMED\r
SEQUENCE:2\r
LOCATION;LANGUAGE=de-DE:Microsoft Teams-Besprechung\r
X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r
END:VEVENT\r
END:VCALENDAR\r
"""

APPLE = """BEGIN:VCALENDAR
CALSCALE:GREGORIAN
PRODID:-//Apple Inc.//macOS 15.1//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
ATTENDEE;CN="Max Müller";CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;ROLE=CHAIR:mailto:max@example.org
ATTENDEE;CUTYPE=INDIVIDUAL;EMAIL="anna@example.org";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna@example.org
CREATED:20261101T100000Z
DTEND;VALUE=DATE:20261226
DTSTAMP:20261101T100500Z
DTSTART;VALUE=DATE:20261224
LAST-MODIFIED:20261101T100000Z
ORGANIZER;CN="Max Müller";EMAIL="max@example.org":mailto:max@example.org
SEQUENCE:0
SUMMARY:Betriebsferien
RRULE:FREQ=YEARLY
UID:0F6B5A4E-1F2E-4B8A-9E8E-000000000001
URL;VALUE=URI:
END:VEVENT
END:VCALENDAR
"""

CANCELLED = (
    GOOGLE.replace("METHOD:REQUEST", "METHOD:CANCEL")
    .replace("SEQUENCE:0", "SEQUENCE:1")
    .replace("STATUS:CONFIRMED", "STATUS:CANCELLED")
)

ANSWERED = """BEGIN:VCALENDAR\r
METHOD:REPLY\r
VERSION:2.0\r
BEGIN:VEVENT\r
UID:abc123@google.com\r
DTSTAMP:20261101T110000Z\r
DTSTART;TZID=W. Europe Standard Time:20261203T100000\r
ORGANIZER:mailto:anna@example.org\r
ATTENDEE;PARTSTAT=DECLINED;CN=Eva:mailto:eva@example.org\r
SUMMARY:Besprechung\r
END:VEVENT\r
END:VCALENDAR\r
"""


def mail_with(calendar: str, method: str = "REQUEST", *, attached: bool = False) -> bytes:
    """The mail that brings it, as the big calendars build it (RFC 6047 section 2.4)."""
    kind = "mixed" if attached else "alternative"
    head = (
        "From: Max Müller <max@example.org>\r\nTo: anna@example.org\r\nMessage-ID: <invited@example.org>\r\n"
        f"Subject: Einladung\r\nMIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nKommen Sie?\r\n--b\r\n"
    )
    if attached:
        head += 'Content-Type: application/ics; name="invite.ics"\r\nContent-Disposition: attachment\r\n\r\n'
    else:
        head += f"Content-Type: text/calendar; charset=utf-8; method={method}\r\n\r\n"
    return f"{head}{calendar}--b--\r\n".encode()
