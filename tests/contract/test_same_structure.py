"""ENVELOPE and BODYSTRUCTURE of every sample mail, as we and as Dovecot tell them."""

from __future__ import annotations

from eilbote.testing.samples.mailbox import build_demo_mailbox
from tests.contract.place import Place
from tests.contract.raw_client import RawClient
from tests.contract.transcript import Names, normal


def structures(client: RawClient, mails: list[bytes]) -> list[str]:
    for raw in mails:
        client.raw(b"t APPEND INBOX {%d+}\r\n%b\r\n" % (len(raw), raw))
        assert client.finish(b"t").status == "OK"
    client("SELECT INBOX", expect="OK")
    return normal(client("FETCH 1:* (RFC822.SIZE ENVELOPE BODYSTRUCTURE)", expect="OK"), Names())


def test_every_sample_mail_has_the_same_structure(fake_place: Place, dovecot_place: Place) -> None:
    store = build_demo_mailbox(1_795_460_000.0)
    mails = list({one.raw for box in store.mailboxes.values() for one in box.messages.values()})
    mails.sort()
    with fake_place.login() as ours, dovecot_place.login() as theirs:
        for mine, expected in zip(structures(ours, mails), structures(theirs, mails), strict=True):
            assert mine == expected
