"""The same commands said to our server and to Dovecot get the same answers."""

from __future__ import annotations

import pytest

from tests.contract.place import Place
from tests.contract.transcript import dialogue

Script = list[str | tuple[str, bytes]]

PLAIN = b"""From: Anna <anna@example.org>\r
To: =?utf-8?q?J=C3=B6rg?= <joerg@example.de>, Team: a@example.org, b@example.org;\r
Subject: Hallo\r
Date: Mon, 2 Feb 2026 10:00:00 +0100\r
Message-ID: <one@example.org>\r
In-Reply-To: <zero@example.org>\r
\r
Erste Zeile\r
Zweite Zeile\r
"""
MIXED = b"""From: "Berg, Carl" <carl@example.com>\r
Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="b1"\r
\r
preamble\r
--b1\r
Content-Type: multipart/alternative; boundary=b2\r
\r
--b2\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Gr=C3=BC=C3=9Fe\r
--b2\r
Content-Type: text/html; charset="utf-8"\r
\r
<p>Hi</p>\r
--b2--\r
--b1\r
Content-Type: application/pdf; name="a.pdf"\r
Content-Disposition: attachment; filename="a.pdf"\r
Content-Transfer-Encoding: base64\r
Content-ID: <pdf@example.com>\r
\r
JVBERi0=\r
--b1\r
Content-Type: message/rfc822\r
\r
From: dora@example.net\r
Subject: inner\r
\r
inner body\r
--b1--\r
"""
SMALL = b"Subject: small\r\n\r\nx\r\n"


def filled(*mails: bytes, flags: str = "") -> Script:
    """INBOX with these mails, UIDs from 1."""
    date = '" 3-Feb-2026 12:00:00 +0100"'
    return [(f"APPEND INBOX ({flags}) {date} {{}}", mail) for mail in mails]


SCRIPTS: dict[str, Script] = {
    "nothing there": [
        "SELECT Missing",
        "EXAMINE Missing",
        "STATUS Missing (MESSAGES)",
        "DELETE Missing",
        "RENAME Missing Other",
        ("APPEND Missing {}", SMALL),
        "SUBSCRIBE Missing",
        "UNSUBSCRIBE Missing",
    ],
    "no mailbox selected": ["FETCH 1 FLAGS", "UID SEARCH ALL", "CLOSE", "UNSELECT", "EXPUNGE", "CHECK"],
    "unknown words": ["HELLO", "SELECT", "UID", "UID HELLO 1", "FETCH", "LOGIN a b"],
    "an empty INBOX": [
        "SELECT INBOX",
        "FETCH 1 FLAGS",
        "UID FETCH 1 FLAGS",
        "UID FETCH 1:* FLAGS",
        "SEARCH ALL",
        "UID SEARCH RETURN (ALL) ALL",
        "UID SEARCH RETURN (COUNT MIN MAX) ALL",
        "EXPUNGE",
        "UID EXPUNGE 1:*",
        "UID COPY 1 Sent",
        "UID MOVE 1 Sent",
        "UID STORE 1 +FLAGS (\\Seen)",
    ],
    "select and examine": [
        *filled(PLAIN, SMALL, flags="\\Seen"),
        *filled(SMALL),
        "SELECT INBOX",
        "SELECT INBOX",
        "EXAMINE inbox",
        "CLOSE",
        "SELECT Sent",
        "SELECT Missing",
        "FETCH 1 FLAGS",
    ],
    "fetch": [
        *filled(PLAIN, MIXED),
        "SELECT INBOX",
        "FETCH 1:2 (UID RFC822.SIZE INTERNALDATE)",
        "FETCH 1 ENVELOPE",
        "FETCH 2 ENVELOPE",
        "FETCH 1 BODY",
        "FETCH 1 BODYSTRUCTURE",
        "FETCH 2 BODYSTRUCTURE",
        "FETCH 2 BODY",
        "UID FETCH 1 BODY.PEEK[]",
        "UID FETCH 1 BODY.PEEK[HEADER]",
        "UID FETCH 1 BODY.PEEK[TEXT]",
        "UID FETCH 1 BODY.PEEK[1]",
        "UID FETCH 1 BODY.PEEK[2]",
        "UID FETCH 1 BODY.PEEK[1.MIME]",
        "UID FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)]",
        "UID FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT DATE)]",
        "UID FETCH 1 BODY.PEEK[HEADER.FIELDS (X-NONE)]",
        "UID FETCH 1 BODY.PEEK[]<0.10>",
        "UID FETCH 1 BODY.PEEK[]<5.7>",
        "UID FETCH 1 BODY.PEEK[]<99999.5>",
        "UID FETCH 2 BODY.PEEK[1.1]",
        "UID FETCH 2 BODY.PEEK[1.2]",
        "UID FETCH 2 BODY.PEEK[1.2.MIME]",
        "UID FETCH 2 BODY.PEEK[2]",
        "UID FETCH 2 BINARY.PEEK[2]",
        "UID FETCH 2 BINARY.PEEK[1.1]",
        "UID FETCH 2 BINARY.PEEK[1.1]<2.3>",
        "UID FETCH 2 BINARY.SIZE[2]",
        "UID FETCH 2 BINARY.SIZE[1.1]",
        "UID FETCH 2 BINARY[NONSENSE]",
        "UID FETCH 2 BODY.PEEK[3]",
        "UID FETCH 2 BODY.PEEK[3.HEADER]",
        "UID FETCH 2 BODY.PEEK[3.TEXT]",
        "UID FETCH 2 BODY.PEEK[3.1]",
        "UID FETCH 2 BODY.PEEK[4]",
        "UID FETCH 1 RFC822.HEADER",
        "FETCH 1 FLAGS",
        "UID FETCH 1 BODY[TEXT]",
        "UID FETCH 2 RFC822.TEXT",
        "FETCH 1:* FLAGS",
        "FETCH 1:2 FAST",
        "FETCH 3 FLAGS",
        "FETCH 0 FLAGS",
        "FETCH 2:1 UID",
        "UID FETCH 7:* UID",
        "UID FETCH 7:9 UID",
        "FETCH 1 NONSENSE",
        "FETCH 1 BODY[NONSENSE]",
        "FETCH x FLAGS",
    ],
    "store": [
        *filled(SMALL, SMALL),
        "SELECT INBOX",
        "STORE 1 FLAGS (\\Seen $Wichtig)",
        "STORE 1 +FLAGS (\\Flagged)",
        "STORE 1 +FLAGS \\Answered",
        "STORE 1 -FLAGS (\\Seen $wichtig)",
        "UID STORE 1:2 +FLAGS (\\Deleted)",
        "UID STORE 1:2 -FLAGS.SILENT (\\Deleted)",
        "FETCH 1:2 FLAGS",
        "UID STORE 99 +FLAGS (\\Seen)",
        "STORE 9 +FLAGS (\\Seen)",
        "STORE 1 +FLAGS (\\Nonsense)",
        "STORE 1 NONSENSE (\\Seen)",
        "STORE 1 FLAGS ()",
        "FETCH 1 FLAGS",
    ],
    "copy, move and expunge": [
        *filled(SMALL, PLAIN, SMALL, SMALL, flags="\\Seen"),
        "CREATE Ziel",
        "SELECT INBOX",
        "COPY 1:2 Ziel",
        "UID COPY 4 Ziel",
        "UID COPY 9 Ziel",
        "UID COPY 1 Missing",
        "UID MOVE 1 Missing",
        "COPY 9 Ziel",
        "UID MOVE 2 Ziel",
        "MOVE 1 Ziel",
        "UID STORE 3:4 +FLAGS.SILENT (\\Deleted)",
        "UID EXPUNGE 3",
        "EXPUNGE",
        "SEARCH ALL",
        "SELECT Ziel",
        "FETCH 1:* (UID FLAGS RFC822.SIZE)",
        "UID STORE 1 +FLAGS.SILENT (\\Deleted)",
        "CLOSE",
        "STATUS Ziel (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)",
    ],
    "search": [
        *filled(PLAIN, SMALL, MIXED),
        "SELECT INBOX",
        "STORE 2 +FLAGS (\\Flagged Privat)",
        "SEARCH FLAGGED",
        "SEARCH UNFLAGGED",
        "SEARCH KEYWORD privat",
        "SEARCH UNKEYWORD Privat",
        "SEARCH NOT SUBJECT small",
        "SEARCH SUBJECT HALLO",
        "SEARCH FROM carl",
        "SEARCH HEADER Message-ID <one@example.org>",
        ("SEARCH HEADER Message-ID {}", b"<one@example.org>"),
        "SEARCH OR SUBJECT hallo SUBJECT small",
        "SEARCH (SUBJECT hallo) TO example.de",
        "SEARCH LARGER 100",
        "SEARCH SMALLER 100",
        "SEARCH SINCE 3-Feb-2026",
        "SEARCH BEFORE 3-Feb-2026",
        "SEARCH ON 3-Feb-2026",
        "SEARCH SENTSINCE 1-Feb-2026",
        "SEARCH SENTBEFORE 1-Feb-2026",
        "SEARCH BODY zeile",
        "SEARCH TEXT anna",
        ("SEARCH CHARSET UTF-8 BODY {}", "Grüße".encode()),
        ("SEARCH CHARSET UTF-8 TEXT {}", "GRÜßE".encode()),
        ("SEARCH CHARSET UTF-8 SUBJECT {}", "grüße".encode()),
        "SEARCH BODY JVBERi0",
        "SEARCH UID 2:*",
        "SEARCH UID 9",
        "SEARCH 2:3",
        "UID SEARCH 2:3",
        "SEARCH SEEN",
        "SEARCH UNSEEN UNDELETED",
        "SEARCH CHARSET UTF-8 SUBJECT hallo",
        "SEARCH CHARSET NONSENSE SUBJECT hallo",
        "SEARCH RETURN () ALL",
        "UID SEARCH RETURN (MIN MAX COUNT ALL) ALL",
        "UID SEARCH RETURN (ALL) 1,3",
        "SEARCH NONSENSE",
        "SEARCH",
        "SEARCH SINCE gestern",
        "SEARCH MODSEQ 1",
        "UID SEARCH MODSEQ 9223372036854775807",
    ],
    "create, rename, delete, subscribe": [
        "CREATE Projekte/Umbau",
        'LIST "" *',
        'LIST "" %',
        'LIST "Projekte/" %',
        "CREATE Projekte",
        "CREATE Projekte",
        "SUBSCRIBE Projekte/Umbau",
        'LSUB "" *',
        "RENAME Projekte Vorhaben",
        'LIST "" *',
        'LSUB "" *',
        "CREATE Ziel",
        "RENAME Vorhaben Ziel",
        "DELETE Vorhaben",
        'LIST "" Vor*',
        "DELETE Vorhaben/Umbau",
        "DELETE INBOX",
        "UNSUBSCRIBE Projekte/Umbau",
        'LSUB "" *',
        'LIST "" ""',
        'LIST "" inbox',
        'LIST "" INB%',
        "CREATE Entw&APw-rfe",
        'LIST "" Entw*',
        "STATUS Entw&APw-rfe (MESSAGES)",
        "NAMESPACE",
    ],
    "extended lists": [
        "CREATE Offen",
        "CREATE Offen/Tief",
        "SUBSCRIBE Offen/Tief",
        *filled(SMALL, SMALL),
        'LIST "" * RETURN (SUBSCRIBED)',
        'LIST "" * RETURN (SPECIAL-USE)',
        'LIST (SPECIAL-USE) "" *',
        'LIST (SUBSCRIBED) "" *',
        'LIST (SUBSCRIBED) "" * RETURN (CHILDREN)',
        'LIST "" ("INBOX" "Offen*")',
        'LIST "" % RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))',
        'LIST "" INBOX RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDVALIDITY HIGHESTMODSEQ))',
        'LIST (NONSENSE) "" *',
        'LIST "" * RETURN (NONSENSE)',
        "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)",
        "STATUS INBOX (NONSENSE)",
        "STATUS INBOX ()",
    ],
    "condstore": [
        *filled(SMALL, SMALL),
        "SELECT INBOX (CONDSTORE)",
        "STORE 1 +FLAGS (\\Seen)",
        "STORE 2 +FLAGS.SILENT (\\Seen)",
        "FETCH 1:2 (FLAGS MODSEQ)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9223372036854775807)",
        "UID STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Flagged)",
        "STORE 1:2 (UNCHANGEDSINCE 1) +FLAGS (\\Flagged)",
        "UID STORE 1 (UNCHANGEDSINCE 9223372036854775807) +FLAGS (\\Flagged)",
        "STORE 1 (UNCHANGEDSINCE 9223372036854775807) +FLAGS.SILENT (\\Answered)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "UID STORE 1 +FLAGS.SILENT (\\Deleted)",
        "EXPUNGE",
        "SELECT INBOX (QRESYNC (1 1))",
        "SELECT INBOX (NONSENSE)",
    ],
    "qresync": [
        "ENABLE QRESYNC NONSENSE",
        "ENABLE CONDSTORE",
        "ENABLE NONSENSE",
        *filled(SMALL, SMALL, SMALL, SMALL),
        "SELECT INBOX",
        "STORE 1 +FLAGS (\\Seen)",
        "STORE 2 +FLAGS.SILENT (\\Seen)",
        "UID STORE 2:3 +FLAGS.SILENT (\\Deleted)",
        "UID EXPUNGE 2",
        "EXPUNGE",
        "UID MOVE 4 Sent",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "UID FETCH 1:* (FLAGS) (VANISHED)",
        "FETCH 1 FLAGS",
        "CLOSE",
    ],
    "append": [
        ("APPEND INBOX {}", SMALL),
        ("APPEND INBOX (\\Seen \\Flagged $Neu) {}", SMALL),
        ('APPEND INBOX (\\Draft) " 1-Jan-2026 01:02:03 +0100" {}', SMALL),
        ('APPEND INBOX "31-Dec-2025 23:59:59 -0500" {}', SMALL),
        ("APPEND INBOX (\\Recent) {}", SMALL),
        ('APPEND INBOX "irgendwann" {}', SMALL),
        ("APPEND INBOX {}", b"Subject: bare\n\nlf\n"),
        ("APPEND INBOX {}", b""),
        "SELECT INBOX",
        ("APPEND INBOX {}", SMALL),
        "FETCH 1:* (UID FLAGS RFC822.SIZE)",
        "FETCH 3:4 INTERNALDATE",
        "FETCH 5 BODY.PEEK[]",
    ],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_our_server_answers_as_dovecot_does(name: str, fake_place: Place, dovecot_place: Place) -> None:
    with fake_place.login() as ours, dovecot_place.login() as theirs:
        expected = dialogue(theirs, SCRIPTS[name])
        assert dialogue(ours, SCRIPTS[name]) == expected
