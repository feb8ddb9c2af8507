"""MTA-STS records, policies and names, good and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.delivery.mta_sts import LARGEST_POLICY, Kept, Mode, Policy, matches, read_policy, read_record
from eilbote.errors import Problem

POLICY = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
    b"mx: backupmx.example.com\r\nmax_age: 604800\r\n"
)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=spf1 -all", "v=STSv1;id=a1"], "a1"),
        (["v=STSv1; more=x; id=a1;"], "a1"),
        (["v=STSv1; id=a1", "v=STSv1; id=a2"], None),
        (["v=STSv1"], None),
        (["v=STSv1; id=" + "a" * 33], None),
        (["v=STSv1; id=a b"], None),
        (["v=STSv10; id=a1"], None),
        ([], None),
    ],
)
def test_records(texts: list[str], found: str | None) -> None:
    assert read_record(texts) == found


def test_the_policy_of_the_rfc() -> None:
    patterns = ("mail.example.com", "*.example.net", "backupmx.example.com")
    assert read_policy(POLICY) == Policy(Mode.ENFORCE, patterns, 604_800)
    assert read_policy(POLICY.replace(b"\r\n", b"\n")) == read_policy(POLICY)


def test_of_a_repeated_field_the_first_counts() -> None:
    policy = read_policy(POLICY + b"mode: none\r\nmax_age: 1\r\n")
    assert isinstance(policy, Policy)
    assert (policy.mode, policy.max_age) == (Mode.ENFORCE, 604_800)


def test_a_policy_that_ends_one_needs_no_server() -> None:
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 86400\n") == Policy(Mode.NONE, (), 86_400)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "version"),
        (POLICY.replace(b"STSv1", b"STSv2"), "version"),
        (POLICY.replace(b"enforce", b"always"), "mode"),
        (POLICY.replace(b"604800", b"-1"), "max_age"),
        (POLICY.replace(b"604800", b"99999999"), "max_age"),
        (POLICY.replace(b"max_age: 604800\r\n", b""), "max_age"),
        (b"version: STSv1\nmode: enforce\nmax_age: 1\n", "mx"),
        (POLICY + b"mx: evil.example.com\0.example.org\r\n", "mx"),
        (POLICY + b"mx: *.*.example.org\r\n", "mx"),
        (POLICY + b"mx: a.example.org\r\n" * 300, "mx"),
        (b"x" * (LARGEST_POLICY + 1), "too long"),
    ],
)
def test_what_is_wrong_with_a_policy_is_named(content: bytes, reason: str) -> None:
    assert read_policy(content) == Problem("mta_sts.policy", {"reason": reason})


@given(st.binary(max_size=2000))
def test_no_content_raises(content: bytes) -> None:
    read_policy(content)
    read_policy(POLICY + content)


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com.", True),
        ("a.example.net", True),
        ("a.b.example.net", False),
        ("example.net", False),
        ("mail.example.com.evil.org", False),
        ("other.example.com", False),
    ],
)
def test_which_servers_fit(host: str, fits: bool) -> None:
    policy = read_policy(POLICY)
    assert isinstance(policy, Policy)
    assert matches(policy, host) is fits


def test_how_long_a_kept_policy_counts() -> None:
    kept = Kept(Policy(Mode.ENFORCE, ("a.example.org",), 100), "1", 1_000.0)
    assert [kept.is_fresh(now) for now in (999.0, 1_000.0, 1_099.0, 1_100.0)] == [False, True, True, False]
