"""What a header tells people, and whose word on the sender counts."""

from __future__ import annotations

import pytest

from eilbote.mail.auth_results import own_results, read_auth_results, voucher_for
from eilbote.mail.header_story import MAX_OTHERS, header_story
from eilbote.mail.hops import MAX_HOPS
from eilbote.mail.message import parse_message

GOOGLE = b"""Delivered-To: anna@example.org
Received: by 2002:a05:6022:1c8b with SMTP id x;
        Mon, 3 Nov 2025 10:00:09 +0000
ARC-Authentication-Results: i=1; mx.google.com; dkim=pass header.i=@shop.example
Return-Path: <bounce-1@mail.shop.example>
Received: from out.shop.example (out.shop.example. [93.184.216.7])
        by mx.google.com with ESMTPS id y
        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256);
        Mon, 03 Nov 2025 02:00:08 -0800 (PST)
Received-SPF: pass
Authentication-Results: mx.google.com;
       dkim=pass header.i=@shop.example header.s=k1 header.b="abc;d";
       spf=pass (google.com: domain of bounce-1@mail.shop.example designates 93.184.216.7 as
       permitted) smtp.mailfrom=bounce-1@mail.shop.example;
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.example
Received: from app (unknown [10.0.0.3])
        by out.shop.example (Postfix) with ESMTP id z
        for <anna@example.org>; Mon, 3 Nov 2025 10:01:00 +0000
From: Shop <news@shop.example>
Reply-To: other@elsewhere.example
To: anna@example.org
Subject: Neues
List-Id: News <news.shop.example>
X-Priority: 1 (Highest)
X-Mailer: Brevo
Message-ID: <1@shop.example>
X-Odd: ja

x
"""


def changed(*pairs: tuple[bytes, bytes]) -> bytes:
    raw = GOOGLE
    for before, after in pairs:
        assert before in raw
        raw = raw.replace(before, after)
    return raw


def test_the_way_the_mail_took() -> None:
    story = header_story(parse_message(GOOGLE).headers)
    assert [(one.host, one.sender, one.address, one.secured, one.seconds, one.own) for one in story.hops] == [
        ("out.shop.example", "app", "10.0.0.3", "no", None, False),
        ("mx.google.com", "out.shop.example", "93.184.216.7", "yes", -52.0, True),
        ("2002:a05:6022:1c8b", "", "", "unknown", 1.0, True),
    ]
    assert (story.checked_by, story.claims) == ("mx.google.com", 0)
    assert [(one.method, one.result) for one in story.checks] == [
        ("dkim", "pass"),
        ("spf", "pass"),
        ("dmarc", "pass"),
    ]
    assert story.answers_elsewhere and story.reply_to[0].spec == "other@elsewhere.example"
    assert (story.bounces_to, story.priority, story.program) == (
        "bounce-1@mail.shop.example",
        "high",
        "Brevo",
    )
    assert (story.message_id, story.list_id) == ("1@shop.example", "News <news.shop.example>")
    assert dict(story.others)["X-Odd"] == "ja" and "From" not in dict(story.others)


def test_a_line_that_came_along_is_not_the_providers_own() -> None:
    raw = changed(
        (b"from out.shop.example (out", b"from mx9.google.com (out"),
        (b"by out.shop.example (Postfix)", b"by mx8.google.com (Postfix)"),
    )
    assert [one.own for one in header_story(parse_message(raw).headers).hops] == [False, True, True]


def test_who_vouches_for_the_sender() -> None:
    def voucher(raw: bytes, domain: str = "shop.example") -> str:
        return voucher_for(parse_message(raw).headers, domain)

    assert voucher(GOOGLE) == "mx.google.com"
    assert voucher(GOOGLE, "other.example") == ""
    assert voucher(changed((b"dmarc=pass", b"dmarc=fail"))) == ""
    without = changed((b"dmarc=pass", b"x-other=pass"))
    assert voucher(without) == "mx.google.com"
    assert voucher(without, "news.shop.example") == "mx.google.com"
    assert voucher(without, "example") == voucher(without, "evilshop.example") == ""
    assert (
        voucher(
            changed(
                (b"dmarc=pass", b"x-other=pass"), (b"dkim=pass header.i=@shop", b"dkim=fail header.i=@shop")
            )
        )
        == ""
    )


@pytest.mark.parametrize(
    ("server", "by", "counts"),
    [
        ("mx.google.com", "mx.google.com", True),
        ("gmx.net", "mx-ha.gmx.net", True),
        ("mx2.posteo.de", "mx1.posteo.de", True),
        ("evil.example", "mx.google.com", False),
        ("com", "mx.google.com", False),
        ("google.com.evil.example", "mx.google.com", False),
        ("notgoogle.com", "mx.google.com", False),
    ],
)
def test_only_the_own_server_counts(server: str, by: str, counts: bool) -> None:
    raw = changed(
        (b"Authentication-Results: mx.google.com;", b"Authentication-Results: " + server.encode() + b";"),
        (b"by mx.google.com with", b"by " + by.encode() + b" with"),
    )
    assert bool(own_results(parse_message(raw).headers)) == counts


def test_microsoft_gives_no_name() -> None:
    raw = (
        b"Received: from a.b (1.2.3.4) by AM0.prod.outlook.com with SMTP; Mon, 3 Nov 2025 10:00:09 +0000"
        b"\n"
        b"Authentication-Results: spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example;dmarc=pass"
        b" action=none header.from=a.example;compauth=pass reason=100\nFrom: x@a.example\n\nx"
    )
    headers = parse_message(raw).headers
    assert voucher_for(headers, "a.example") == "outlook.com"
    elsewhere = parse_message(raw.replace(b"prod.outlook.com", b"prod.example.com")).headers
    assert own_results(elsewhere) is None


def test_a_field_that_came_along_counts_for_nothing() -> None:
    raw = b"Authentication-Results: friend.example; dmarc=pass header.from=b.example\nFrom: a@b.example\n\n"
    story = header_story(parse_message(raw).headers)
    assert (story.checks, story.claims, story.hops) == ((), 1, ())
    assert voucher_for(parse_message(raw).headers, "b.example") == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Received: " + b"(" * 100_000 + b"\n\nx",
        b"Received: from " * 5000 + b"\n\nx",
        b"Received: from a by b; x\n" * 2000 + b"\nx",
        b"X-A: b\n" * 2000 + b"\nx",
        b"Authentication-Results: a.b; " + b"dkim=pass header.d=a.b; " * 20_000 + b"\n\nx",
        b"Authentication-Results: " + b"a" * 100_000 + b"\nFrom: <\n\nx",
        "Received: from ü by \udce4; Zeit\nReply-To: ,,,\n\n".encode("utf-8", "surrogateescape"),
    ],
)
def test_hostile_headers_are_bounded(raw: bytes) -> None:
    story = header_story(parse_message(raw).headers)
    assert len(story.hops) <= MAX_HOPS and len(story.others) <= MAX_OTHERS
    assert sum(len(value) for _, value in story.others) < 2_000_000


def test_results_of_one_field() -> None:
    found = read_auth_results('mx.a.example 1; spf=pass (x; y=z) smtp.mailfrom="a@b.example"; none')
    assert (found.server, len(found.results)) == ("mx.a.example", 1)
    assert found.results[0].named("smtp.mailfrom") == "a@b.example"
