"""Every odd mail can be answered, forwarded, redirected and handed over, and servers take the result."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.compose import compose
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.forward import forward_attached, forward_by_rule, forward_inline
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message
from eilbote.mail.quotes import split_reply
from eilbote.mail.quoting import ENGLISH, GERMAN, QuoteWords
from eilbote.mail.redirect import redirect
from eilbote.mail.reply import Audience, reply
from eilbote.mail.submission import submitted

pytestmark = pytest.mark.material

ARCHIVES = ("chatmail-odd-mails", "bounces", "mime-stalwart", "mime-mime4j", "mime-enmime", "mime-letters")
ME = Identity("joerg@example.org", "Jörg", signature="Jörg")
STAMP = Stamp(1_795_000_000.0, "new@example.org", "0123456789abcdef")
TO = (Address("", "target@example.net"),)
OWN_WORDS = "Ja, gern.\n\nBis dann"


def raws(material: Path, archive: str) -> Iterator[tuple[str, bytes]]:
    path = material / f"{archive}.tar.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    with tarfile.open(path) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is not None:
                yield member.name, content.read()


def ways(raw: bytes) -> Iterator[tuple[str, Callable[[], Composed]]]:
    message = parse_message(raw)
    yield "inline", lambda: compose(replace(forward_inline(message, ME, GERMAN), to=TO), STAMP)
    yield "attached", lambda: compose(replace(forward_attached(message, ME), to=TO), STAMP)
    yield "rule", lambda: compose(forward_by_rule(message, ME, TO, ENGLISH, attached=False), STAMP)
    yield "all", lambda: compose(reply(message, [ME], GERMAN, Audience.EVERYONE), STAMP)
    yield "redirect", lambda: redirect(raw, ME, TO, STAMP)
    yield "handed over", lambda: submitted(raw, ME, STAMP, ["target@example.net"])


@pytest.mark.parametrize("archive", ARCHIVES)
def test_what_is_made_of_any_mail_can_be_sent(material: Path, archive: str) -> None:
    refused_before = {
        "all": {"compose.no_recipients", "compose.bad_address"},
        "redirect": {"redirect.no_header"},
    }
    refused_before["handed over"] = {"compose.bad_address", "compose.header_too_large"}
    for name, raw in raws(material, archive):
        for way, make in ways(raw):
            try:
                made = make().raw
            except Misused as refused:
                assert refused.problem.code in refused_before.get(way, set()), (name, way)
                continue
            assert made.count(b"\n") == made.count(b"\r\n") == made.count(b"\r"), (name, way)
            assert b"\0" not in made, (name, way)
            if way not in ("redirect", "handed over"):  # whose lines stay as they are
                assert max(map(len, made.split(b"\r\n"))) <= 998, (name, way)


@pytest.mark.parametrize("archive", ["chatmail-odd-mails", "mime-stalwart"])
@pytest.mark.parametrize("words", [GERMAN, ENGLISH], ids=["German", "English"])
def test_one_s_own_words_in_an_answer_are_told_from_the_quote(
    material: Path, archive: str, words: QuoteWords
) -> None:
    for name, raw in raws(material, archive):
        draft = replace(reply(parse_message(raw), [ME], words), to=TO, text=OWN_WORDS)
        parts = split_reply(parse_message(compose(draft, STAMP).raw).body_text())
        assert (parts.new, parts.signature) == (OWN_WORDS, "-- \nJörg"), name
