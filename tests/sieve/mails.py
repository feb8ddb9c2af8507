"""Mails that scripts are tried on, from plain to broken. All written for these tests."""

from __future__ import annotations


def _mail(text: str) -> bytes:
    return text.strip("\n").replace("\n", "\r\n").encode() + b"\r\n"


_PLAIN = _mail("""
Received: from mx.example.net by mx.example.org; Tue, 3 Feb 2026 23:30:00 -0500
Received: from a.example.net by mx.example.net; Tue, 3 Feb 2026 23:29:00 -0500
From: Anna Beispiel <anna@steuerberater.example>
To: kim@example.org
Subject: Rechnung Nr. 4711
Date: Wed, 04 Feb 2026 05:28:00 +0100
Message-ID: <plain-1@steuerberater.example>
X-Priority: 1
X-Spam-Score: 5
Importance: high

Guten Tag,
anbei die Rechnung. Bitte bis zum 15. zahlen.
""")

_ENCODED = _mail("""
From: =?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <Juergen+Bestellung@Mail.Shop.EXAMPLE>
To: =?iso-8859-1?Q?B=FCro?= <kim+post@example.org>, "Lee, Li" <li@example.com>
Cc: boss@example.org
Subject: =?utf-8?B?QmVzdMOkdGlndW5n?= =?utf-8?Q?_f=C3=BCr_Ihre_Bestellung?= 4711
Date: Sun, 28 Jun 2026 14:05:09 +0000
Message-ID: <enc-2@shop.example>
X-Spam-Score: 10
X-Virus-Status: infected
List-Unsubscribe: <mailto:leave@shop.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Vielen Dank f=FCr Ihre Bestellung! Gr=FC=DFe
""")

_FOLDED = _mail("""
Return-Path: <owner-list@lists.example.net>
From: "List Owner" <owner@lists.example.net>
To: announce@lists.example.net
Reply-To: announce@lists.example.net
Sender: owner-announce@lists.example.net
Subject: [announce]
 A very long subject that goes on
\tand on over three lines
List-Id: Announcements <announce.lists.example.net>
Precedence: list
Date: Thu, 31 Dec 2026 23:59:59 -0800
X-Empty:
X-Twice: one
X-Twice: two
X-Twice: three
X-Number: 0042abc

Hello list.
""")

_GROUP = _mail("""
From: kim@example.org
To: Friends: a@example.com, "B. C." <b@sub.example.com>, <c@example.net>;, d@example.com
Cc: undisclosed-recipients:;
Subject: RE: AW: Treffen * am ?? (Montag) \\o/
Date: Mon, 2 Mar 2026 09:00:00 +0530
Message-ID: <grp-4@example.org>
X-Spam-Score: 0
X-Virus-Status: clean

Servus
""")

_MULTIPART = _mail("""
From: shop@shop.example
To: kim@example.org
Subject: Ihre Bestellung
Date: Fri, 1 May 2026 00:00:00 GMT
Message-ID: <multi-5@shop.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

This is the preamble.
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

R3LDvMOfZSBhdXMgZGVtIExhZGVuCg==
--inner
Content-Type: text/html; charset=utf-8

<p>Gr&uuml;&szlig;e aus dem <b>Laden</b></p>
--inner--
--outer
Content-Type: application/pdf; name="rechnung.pdf"
Content-Disposition: attachment; filename="rechnung.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--outer
Content-Type: image/png; name="logo.png"
Content-Disposition: inline; filename="logo.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer--
This is the epilogue.
""")

_FORWARDED = _mail("""
From: li@example.com
To: kim@example.org
Subject: Fwd: Protokoll
Date: Sat, 29 Feb 2024 12:00:00 +0100
Message-ID: <fwd-6@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="f"

--f
Content-Type: text/plain
Content-Description: note

siehe unten
--f
Content-Type: message/rfc822

From: inner@inner.example
To: li@example.com
Subject: Protokoll
Content-Type: text/plain; charset=us-ascii

Das innere Protokoll.
--f--
""")

_NO_HEADERS = b"\r\nOnly a body.\r\n"

_BARE = _mail("""
From: kim@example.org

Bare.
""")

_BROKEN = (
    b"From: @@@ not an address\r\nTo: a@b@c, <>, good@example.org\r\nSubject: =?utf-8?Q?broken\r\n"
    b"Date: yesterday\r\nthis is no field\r\nX-Raw: caf\xe9\r\nContent-Type: multipart/mixed\r\n"
    b"\r\nbroken\r\n"
)

_CASES = _mail("""
FROM: UPPER@EXAMPLE.ORG
to: lower@example.org
SuBjEcT: MiXeD case Straße ÄÖÜ
Date: 4 Feb 26 05:28 EST
Message-Id: <case-10@EXAMPLE.ORG>
X-Star: a*b?c\\d
X-Plus: user+detail+more@example.org
Auto-Submitted: auto-generated

Body With CASE and a longer line.
A second line.
""")

_MANY = _mail(
    "From: many@example.org\n"
    + "".join(f"To: p{number}@example.org\n" for number in range(5))
    + "".join(f"X-Label: label{number}\n" for number in range(12))
    + "Subject: viele\nDate: Tue, 29 Feb 2028 18:45:30 +1300\n\nviele Felder\n"
)

MAILS = {
    "plain": _PLAIN,
    "encoded": _ENCODED,
    "folded": _FOLDED,
    "group": _GROUP,
    "multipart": _MULTIPART,
    "forwarded": _FORWARDED,
    "no headers": _NO_HEADERS,
    "bare": _BARE,
    "broken": _BROKEN,
    "cases": _CASES,
    "many": _MANY,
}
"""By name."""

ENVELOPES = {
    "plain": ("anna+steuer@steuerberater.example", "kim+post@example.org"),
    "encoded": ("bounce+x=y@Shop.EXAMPLE", "KIM@example.org"),
    "folded": ("owner-list@lists.example.net", "kim@example.org"),
}
"""Sender and recipient of some of them; of the others it is that of `plain`."""
