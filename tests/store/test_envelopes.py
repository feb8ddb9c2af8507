"""Envelopes stored as they stand in the header say the same when they are read back."""

from __future__ import annotations

import pytest

from eilbote.mail.message import read_envelope
from eilbote.store.prepare import prepare
from tests.store.given import Home, arrival

LONG = b"References: " + b"".join(b"<%d@example.org>\r\n " % number for number in range(150))


@pytest.mark.parametrize(
    "headers",
    [
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_aus?= Wien\r\n"
        b"From: =?iso-8859-1?q?J=FCrgen?= <j@x.org>",
        "Subject: Grüße\r\nTo: Änne <a@x.org>, b@x.org\r\nCc: c@x.org".encode(),
        b"Subject: Gr\xfc\xdfe\r\nFrom: J\xfcrgen <j@x.org>\r\nMessage-ID: <\xff@x.org>",
        b"Subject: a\0b\r\nFrom: a\0b <j@x.org>\r\nMessage-ID: <a\0b@x.org>",
        b"Sender: only@x.org\r\nDate: Wed, 22 Jul 2020 03:08:36 +0000\r\nIn-Reply-To: <1@x.org>",
        b"X-Nothing: here",
    ],
    ids=["encoded words", "utf-8", "raw bytes", "nul", "sender and reply", "nothing"],
)
def test_what_is_listed_is_what_the_mail_says(home: Home, headers: bytes) -> None:
    raw = headers + b"\r\n\r\nText\r\n"
    home.arrive(arrival(1, raw=raw)._replace(prepared=prepare([raw]).mails[0]))
    (shown,) = home.store.messages.list_placements(account=home.account)
    assert shown.envelope == read_envelope(raw)


def test_of_many_references_the_root_and_the_nearest_are_kept(home: Home) -> None:
    raw = LONG + b"\r\n\r\n"
    home.arrive(arrival(1, raw=raw)._replace(prepared=prepare([raw]).mails[0]))
    (shown,) = home.store.messages.list_placements(account=home.account)
    assert shown.envelope.references == (
        "0@example.org",
        *(f"{number}@example.org" for number in range(51, 150)),
    )
