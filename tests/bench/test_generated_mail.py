"""The benchmark's mail: the same everywhere, of the sizes that are promised, and proper mail."""

from __future__ import annotations

import hashlib
import itertools
from email import message_from_bytes, policy
from statistics import mean, median

from bench.mailboxes import mails, realistic, sizes, small


def test_the_same_bytes_everywhere() -> None:
    digest = hashlib.sha256()
    for mail in itertools.islice(mails(realistic(20_000)), 200):
        digest.update(mail.raw + mail.flags.encode() + mail.internal_date.isoformat().encode())
    assert digest.hexdigest() == "339e181c81332078aaeec0be328120bcdcd0ac318ed49b73641f7a31871c9809"


def test_sizes_are_spread_as_promised() -> None:
    chosen = sizes(realistic(20_000))
    assert 6_900 < median(chosen) < 7_100
    assert 56_000 < mean(chosen) < 60_000
    assert max(chosen) > 20_000_000


def test_generated_mails_come_close_to_the_sizes_asked_for() -> None:
    recipe = small(400)
    made = [len(mail.raw) for mail in mails(recipe)]
    assert abs(median(made) - recipe.median) < 0.25 * recipe.median


def test_mails_are_whole_and_of_all_kinds() -> None:
    kinds = set()
    for mail in mails(realistic(120)):
        message = message_from_bytes(mail.raw, policy=policy.default)
        kinds.add(message.get_content_type())
        assert not message.defects
        assert not [part for part in message.walk() if part.defects]
        assert b"\n" not in mail.raw.replace(b"\r\n", b"")
        assert {"From", "To", "Subject", "Date", "Message-ID"} <= set(message.keys())
    assert kinds == {"text/plain", "multipart/alternative", "multipart/mixed"}


def test_later_mails_are_others() -> None:
    first = {mail.raw for mail in mails(small(20))}
    assert first.isdisjoint(mail.raw for mail in mails(small(20), first=20))
