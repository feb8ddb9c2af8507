from __future__ import annotations

from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.structure import BodyPart, ImapAddress
from tests.protocols.imap.deliveries import one_untagged

ENVELOPE = (
    b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) '
    b'(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) '
    b'((NIL NIL "minutes" "CNRI.Reston.VA.US") ("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
    b'"<B27397-0100000@cac.washington.edu>")'
)


def structure(text: bytes) -> BodyPart:
    response = one_untagged(b"* 1 FETCH (BODYSTRUCTURE " + text + b")\r\n")
    assert isinstance(response, Fetch)
    assert response.structure is not None
    return response.structure


def test_the_envelope_of_the_rfc() -> None:
    response = one_untagged(b"* 1 FETCH (ENVELOPE " + ENVELOPE + b")\r\n")
    assert isinstance(response, Fetch)
    envelope = response.envelope
    assert envelope is not None
    assert envelope.subject == "IMAP4rev2 WG mtg summary and minutes"
    assert envelope.sender == (ImapAddress("Terry Gray", "gray", "cac.washington.edu"),)
    assert envelope.to == (ImapAddress("", "imap", "cac.washington.edu"),)
    assert [one.host for one in envelope.cc] == ["CNRI.Reston.VA.US", "MIT.EDU"]
    assert envelope.bcc == ()
    assert envelope.in_reply_to == ""
    assert envelope.message_id == "<B27397-0100000@cac.washington.edu>"


def test_one_part_with_its_extensions() -> None:
    part = structure(
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") "<9607@cac>" "Compiler diff" "BASE64" '
        b'4554 73 NIL ("ATTACHMENT" ("FILENAME" "cc.diff")) NIL NIL)'
    )
    assert part == BodyPart(
        "1",
        "text/plain",
        {"charset": "US-ASCII", "name": "cc.diff"},
        "<9607@cac>",
        "Compiler diff",
        "base64",
        4554,
        73,
        disposition="attachment",
        disposition_parameters={"filename": "cc.diff"},
    )


def test_names_that_a_server_decoded_itself_arrive_as_text() -> None:
    """Dovecot undoes RFC 2231 from 2.4 on, and then the name may be a literal of UTF-8."""
    part = structure(
        b'("application" "pdf" ("name" {7}\r\na\xc3\xb6.pdf) NIL NIL "base64" 8 NIL '
        b'("attachment" ("filename" {7}\r\na\xc3\xb6.pdf)) NIL NIL)'
    )
    assert part.parameters == {"name": "aö.pdf"}
    assert part.disposition_parameters == {"filename": "aö.pdf"}


def test_numbers_of_nested_parts_are_those_that_fetch_wants() -> None:
    text = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)'
    inner = b"(" + text + text + b' "ALTERNATIVE" ("BOUNDARY" "x"))'
    message = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 342 ' + ENVELOPE + b" " + inner + b" 7)"
    single = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 342 ' + ENVELOPE + b" " + text + b" 7)"
    whole = structure(b"(" + text + inner + message + single + b' "MIXED" NIL ("INLINE" NIL) NIL)')
    assert whole.media == "multipart/mixed"
    assert whole.disposition == "inline"
    assert [one.number for one in whole.parts] == ["1", "2", "3", "4"]
    assert [one.number for one in whole.parts[1].parts] == ["2.1", "2.2"]
    attached = whole.parts[2]
    assert attached.lines == 7
    assert attached.envelope is not None
    # RFC 9051 section 6.4.5.1: the parts of an attached multipart are 3.1 and 3.2
    assert [one.number for one in attached.parts[0].parts] == ["3.1", "3.2"]
    assert whole.parts[3].parts[0].number == "4.1"
