"""A mail sent to somebody else as it is (RFC 5322 section 3.6.6): Resent fields before it, no byte
changed behind them.

Its From stays the writer's, so the receiver's DMARC depends on the writer's DKIM signature alone;
`forward.py` has the way that does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eilbote.errors import Misused
from eilbote.mail.compose import envelope_recipients
from eilbote.mail.date import write_date
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import address_field, address_on_wire, id_field, text_field
from eilbote.mail.headers import split_headers
from eilbote.mail.identity import Identity
from eilbote.mail.loops import FIELD
from eilbote.mail.message import parse_message
from eilbote.mail.uploading import ready_to_send

# Return-Path is for the last server to write (RFC 5321 section 4.4), Bcc for nobody to see.
_LEFT_OUT = re.compile(
    rb"^(?:Return-Path|Bcc|Resent-Bcc)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
)


def redirect(
    raw: bytes, identity: Identity, to: Sequence[Address], stamp: Stamp, bcc: Sequence[Address] = ()
) -> Composed:
    """The mail for `to`, and for `bcc` whom nobody sees, sent by `identity`. The Message-ID stays; a mail
    without one gets the stamp's.
    Lines that are too long stay too: a signature would not survive their being cut.
    Raises Misused `redirect.no_header` where the bytes are no mail, `compose.no_recipients`."""
    recipients = envelope_recipients(to, bcc)
    if not recipients:
        raise Misused("compose.no_recipients")
    data = ready_to_send(raw)
    start, end, body = split_headers(data, 0, len(data))
    if end <= start:
        raise Misused("redirect.no_header")
    message_id = parse_message(data[start:body]).envelope.message_id
    head = "".join(
        (
            text_field(FIELD, identity.address),
            f"Resent-Date: {write_date(stamp.date, stamp.offset)}\r\n",
            address_field("Resent-From", [identity.sender]),
            address_field("Resent-To", to) if to else "Resent-To: undisclosed-recipients:;\r\n",
            id_field("Resent-Message-ID", [stamp.message_id]),
            "" if message_id else id_field("Message-ID", [stamp.message_id]),
        )
    )
    made = b"".join((head.encode(), _LEFT_OUT.sub(b"", data[start:end]), data[end:]))
    sender = address_on_wire("From", identity.address)
    return Composed(
        raw=made,
        message_id=message_id or stamp.message_id,
        sender=sender,
        recipients=recipients,
        # Raw UTF-8 in the header that came is no reason: servers took it without SMTPUTF8 before.
        needs_utf8=not all(map(str.isascii, (head, sender, *recipients))),
        needs_8bit=not made.isascii(),
    )
