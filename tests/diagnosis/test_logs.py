"""Lines of Postfix, Dovecot, Exim and of our own transcripts: read, grouped, explained, whatever they hold."""

# ruff: noqa: E501  # lines of logs are as long as they are

from __future__ import annotations

import gzip
import io
import random
import re
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.diagnosis.logs.causes import causes
from eilbote.diagnosis.logs.grouping import MOST_GROUPS, Grouping, normalised, shortened
from eilbote.diagnosis.logs.statuses import meaning, statuses
from eilbote.diagnosis.logs.values import Explained, Program
from eilbote.diagnosis.values import CAUSES
from eilbote.engine.explain_logs import explain

SMTP = "Nov 27 10:00:01 mail postfix/smtp[123]: 4FzXkB12C4: to=<anna@example.de>, relay={relay}, delay=1.2, "
AT_MX = SMTP.format(relay="mx.example.de[192.0.2.1]:25") + "dsn={dsn}, status={status} ({text})"
SAID = "host mx.example.de[192.0.2.1] said: {reply} (in reply to RCPT TO command)"
DOVECOT = "Nov 27 10:00:06 mail dovecot: "
EXIM = "2026-11-27 13:35:17 1tGxyz-0001AB-2C "


def at_mx(reply: str) -> str:
    code, status = reply.split()[:2]
    told = status if re.fullmatch(r"\d\.\d+\.\d+", status) else f"{code[0]}.0.0"
    verdict = "bounced" if code[0] == "5" else "deferred"
    return AT_MX.format(dsn=told, status=verdict, text=SAID.format(reply=reply))


LINES = [
    # Postfix: what other servers say
    (at_mx("550 5.1.1 <anna@example.de>: Recipient address rejected: User unknown"), "recipient.unknown"),
    (at_mx("450 4.7.1 <anna@example.de>: Recipient address rejected: Greylisted"), "temporary.greylisted"),
    (at_mx("552 5.2.2 Mailbox full"), "quota.full"),
    (at_mx("552 5.3.4 Message size exceeds fixed limit"), "size.message"),
    (at_mx("554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org"), "spam.listed"),
    (at_mx("550 5.7.26 This mail is unauthenticated, SPF did not pass"), "spam.unauthenticated"),
    (at_mx("550 5.7.1 Message contains spam"), "spam.content"),
    (at_mx("450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.9]"), "dns.no_ptr"),
    (at_mx("421 4.7.0 Too many connections from your host"), "connections.limit"),
    (at_mx("450 4.2.1 rate limit exceeded"), "rate.limit"),
    (at_mx("451 4.3.0 Something odd"), "temporary.status"),
    (at_mx("550 5.9.9 Nobody knows this text"), "server.status"),
    (at_mx("550 5.2.1 The account is disabled"), "recipient.disabled"),
    # Postfix: what it says of itself
    (
        SMTP.format(relay="none") + "dsn=4.4.1, status=deferred (connect to mx.nix.example[192.0.2.7]:25: "
        "Connection timed out)",
        "host_down.timeout",
    ),
    (
        SMTP.format(relay="none") + "dsn=4.4.1, status=deferred (connect to mx.nix.example[192.0.2.7]:25: "
        "Connection refused)",
        "refused.port",
    ),
    (
        SMTP.format(relay="none") + "dsn=4.4.3, status=deferred (Host or domain name not found. Name service error "
        "for name=nix.example type=MX: Host not found, try again)",
        "dns.no_domain",
    ),
    (
        SMTP.format(relay="none") + "dsn=4.7.5, status=deferred (Server certificate not verified)",
        "certificate.untrusted",
    ),
    (SMTP.format(relay="none") + "dsn=4.7.4, status=deferred (TLS is required, but was not offered)", "tls.required"),
    ("Nov 27 10:00:01 mail postfix/qmgr[1]: 585BC3F: from=<>, status=expired, returned to sender", "server.expired"),
    (
        "Nov 27 10:00:04 mail postfix/smtpd[125]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 "
        "<x@y.example>: Relay access denied; from=<a@b.example> to=<x@y.example> proto=ESMTP helo=<z>",
        "relay.denied",
    ),
    (
        "Nov 27 10:00:04 mail postfix/smtpd[125]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 553 5.7.1 "
        "<a@b.example>: Sender address rejected: not owned by user kim; from=<a@b.example>",
        "sender.not_owned",
    ),
    (
        "Nov 27 10:00:05 mail postfix/smtpd[125]: warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: "
        "UGFzc3dvcmQ6, sasl_username=info@firma.de",
        "password.rejected",
    ),
    ("Nov 27 10:00:05 mail postfix/smtpd[1]: SSL_accept error from unknown[72.13.58.7]: -1", "tls.handshake"),
    (
        "Nov 27 10:00:05 mail postfix/smtpd[1]: warning: TLS library problem: error:0A0000C1:SSL routines::no shared "
        "cipher:../ssl/statem/statem_srvr.c:2220:",
        "tls.no_common",
    ),
    ("Nov 27 10:00:05 mail postfix/smtpd[1]: lost connection after EHLO from unknown[192.0.2.9]", "server.closed"),
    (
        "2026-11-27T10:00:05.123456+01:00 mail postfix/smtpd[1]: fatal: open database /etc/aliases.db: No such file "
        "or directory",
        "server.missing_file",
    ),
    ("Nov 27 10:00:05 mail postfix/cleanup[1]: warning: No space left on device", "server.disk"),
    # Dovecot
    (
        DOVECOT + "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): "
        "user=<anna@firma.de>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.1, TLS, session=<abc>",
        "password.rejected",
    ),
    (
        DOVECOT + "imap-login: Login aborted: Connection closed (auth failed, 3 attempts in 12 secs) (auth_failed): "
        "user=<anna>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.1",
        "password.rejected",
    ),
    (
        DOVECOT + "imap-login: Disconnected: Connection closed: SSL_accept() failed: error:0A000416:SSL routines::"
        "sslv3 alert certificate unknown: SSL alert number 46 (no auth attempts in 0 secs): user=<>, rip=192.0.2.9",
        "certificate.client_distrusts",
    ),
    (
        DOVECOT + "imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=192.0.2.9",
        "password.not_tried",
    ),
    (DOVECOT + "imap(anna)<12><x>: Error: Mailbox INBOX: mkdir failed: Permission denied (euid=1)", "server.permission"),
    (DOVECOT + "imap(anna)<12><x>: Error: Corrupted index cache file /v/dovecot.index.cache", "server.index"),
    (
        DOVECOT + "imap-login: Disconnected: Maximum number of connections from user+IP exceeded "
        "(mail_max_userip_connections=10): user=<anna>, rip=192.0.2.9",
        "connections.limit",
    ),
    (
        DOVECOT + "auth: Error: auth client 0 disconnected with 1 pending requests: Temporary authentication failure",
        "temporary.auth",
    ),
    (
        "2026-11-27 10:00:06 auth-worker(12): Info: pam(anna,192.0.2.9): pam_authenticate() failed: Authentication "
        "failure (Password mismatch?)",
        "password.rejected",
    ),
    (DOVECOT + "lmtp(anna@firma.de)<1><x>: Error: Quota exceeded (mailbox for user is full)", "quota.full"),
    # Exim
    (
        EXIM + "** anna@example.de R=dnslookup T=remote_smtp H=mx.example.de [192.0.2.1] X=TLS1.3:E:256 CV=yes: SMTP "
        "error from remote mail server after RCPT TO:<anna@example.de>: 550 5.1.1 User unknown",
        "recipient.unknown",
    ),
    (EXIM + "** anna@nix.example: Unrouteable address", "recipient.unrouteable"),
    (
        EXIM + "== kim@example.de R=dnslookup T=remote_smtp H=mx.example.de [192.0.2.1] defer (110): Connection timed "
        "out",
        "host_down.timeout",
    ),
    (EXIM + "== kim@example.de R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host", "temporary.waiting"),
    (
        "2026-11-27 13:35:19 H=(x) [192.0.2.9] F=<a@b.example> rejected RCPT <x@y.example>: relay not permitted",
        "relay.denied",
    ),
    (
        "2026-11-27 13:35:19 dovecot_login authenticator failed for (x) [192.0.2.9]: 535 Incorrect authentication "
        "data (set_id=info@firma.de)",
        "password.rejected",
    ),
    (
        "Nov 27 13:35:19 mail exim[77]: 2026-11-27 13:35:19 TLS error on connection from x [192.0.2.9] "
        "(SSL_accept): error:0A000102:SSL routines::unsupported protocol",
        "tls.no_common",
    ),
    # Our own
    (
        "2026-11-27T13:35:21.000+01:00 imap.example.org:993 < a1 NO [AUTHENTICATIONFAILED] Authentication failed.",
        "password.wrong",
    ),
    ("2026-11-27T13:35:21.000+01:00 smtp.example.org:465 < 550 5.1.1 No such user", "recipient.unknown"),
    ("2026-11-27T13:35:21.000+01:00 mx.example.org:25 - certificate has expired", "certificate.expired"),
]  # fmt: skip

QUIET = [
    SMTP.format(relay="mx.example.de[192.0.2.1]:25") + "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4FzX)",
    "Nov 27 10:00:04 mail postfix/smtpd[125]: connect from unknown[192.0.2.9]",
    "Nov 27 10:00:04 mail postfix/smtpd[125]: disconnect from unknown[192.0.2.9] ehlo=1 quit=1 commands=2",
    "Nov 27 10:00:04 mail postfix/smtpd[1]: warning: hostname a.example does not resolve to address 192.0.2.9",
    DOVECOT + "imap(anna)<123><abc>: Disconnected: Logged out in=100 out=200 deleted=0",
    DOVECOT + "imap(anna)<123><abc>: Disconnected: Connection closed (IDLE running for 0.001 + waiting) in=1 out=2",
    DOVECOT + "imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.1, mpid=1, TLS",
    EXIM + "<= a@b.example H=x [192.0.2.9] P=esmtp S=1234",
    EXIM + "=> anna@example.de R=dnslookup T=remote_smtp H=mx.example.de [192.0.2.1] C=\"250 OK\"",
    "2026-11-27T13:35:21.000+01:00 imap.example.org:993 < a1 OK done",
    "2026-11-27T13:35:21.000+01:00 imap.example.org:993 > a1 LOGIN (secret)",
]  # fmt: skip


def explained(data: bytes) -> Explained:
    return explain(io.BytesIO(data), lambda count: None)


def explained_lines(*lines: str) -> Explained:
    return explained("\n".join(lines).encode() + b"\n")


@pytest.mark.parametrize(("line", "cause"), LINES, ids=[f"{n}-{one[1]}" for n, one in enumerate(LINES)])
def test_a_line_has_its_cause(line: str, cause: str) -> None:
    found = explained_lines(line)
    assert [one.cause for one in found.groups] == [cause]
    assert found.groups[0].first


@pytest.mark.parametrize("line", QUIET)
def test_what_went_well_is_no_failure(line: str) -> None:
    found = explained_lines(line)
    assert (found.groups, found.other, found.unknown) == ((), 1, 0)


def test_many_lines_of_one_cause_are_one_group() -> None:
    lines = [
        f"Nov 27 10:{n // 60:02}:{n % 60:02} mail postfix/smtp[{n}]: {n:010X}: to=<user{n}@example.de>, "
        f"relay=mx{n % 3}.example.de[192.0.2.{n % 250}]:25, delay={n}, dsn=5.1.1, status=bounced (host "
        f"mx{n % 3}.example.de[192.0.2.{n % 250}] said: 550 5.1.1 <user{n}@example.de>: User unknown {n:08x} "
        f"(in reply to RCPT TO command))"
        for n in range(500)
    ]
    found = explained_lines(*lines, *QUIET)
    (group,) = found.groups
    assert (group.count, group.hosts, group.status) == (500, 3, "5.1.1")
    assert (group.first, group.last) == ("Nov 27 10:00:00", "Nov 27 10:08:19")
    assert (found.failures, found.other) == (500, len(QUIET))
    assert Program.POSTFIX in found.programs
    assert "user0@" not in group.example
    assert "u…@example.de" in group.example


def test_no_address_or_user_is_shown_whole() -> None:
    for line, _ in LINES:
        shown = shortened(line)
        for name in ("anna@", "info@", "kim@", "user=<anna", "(anna", "x@y"):
            assert name not in shown, shown
    assert normalised("550 5.1.1 <a@b.de>: no [1.2.3.4] id 4FzXk12345 5.7.1") == "… 5.1.1 …: no … id … 5.7.1"


def test_garbage_is_counted_and_never_raises() -> None:
    chance = random.Random(7)
    lines = [
        bytes(chance.randrange(256) for _ in range(chance.randrange(200))).replace(b"\n", b" ")
        for _ in range(300)
    ]
    for line, _ in LINES:
        for _ in range(20):
            broken = bytearray(line.encode())
            for _ in range(chance.randrange(1, 8)):
                broken[chance.randrange(len(broken))] = chance.choice(b'\x00\xff:=()<>[] \\"')
            lines.append(bytes(broken).replace(b"\n", b" "))
            lines.append(line.encode()[: chance.randrange(len(line))])
    found = explained(b"\n".join(lines) + b"\n")
    assert found.lines == len(lines)
    assert found.failures + found.other + found.unknown == found.lines


def test_one_endless_line_and_endless_kinds_stay_bounded() -> None:
    tracemalloc.start()
    start = LINES[0][0].encode() + b" x"
    endless = io.BytesIO(start * 200_000)  # 70 MB without an end of line
    size = tracemalloc.get_traced_memory()[0]
    found = explain(endless, lambda count: None)
    assert tracemalloc.get_traced_memory()[1] - size < 12_000_000
    tracemalloc.stop()
    assert (found.lines, found.failures) == (1, 1)
    words = [
        f"Nov 27 10:00:05 mail postfix/smtpd[1]: warning: {chr(97 + n % 26) * (n // 26 + 1)}"
        for n in range(3000)
    ]
    many = explained_lines(*words)
    assert len(many.groups) == MOST_GROUPS
    assert many.failures == 3000 == sum(one.count for one in many.groups) + many.ungrouped


def test_gzip_is_read_and_a_broken_one_as_far_as_it_goes() -> None:
    text = "\n".join(line for line, _ in LINES * 3000).encode() + b"\n"
    packed = gzip.compress(text)
    whole = explained(packed)
    assert (whole.lines, whole.problem) == (len(LINES) * 3000, "")
    assert sum(one.count for one in whole.groups) == whole.failures == len(LINES) * 3000
    half = explained(packed[: len(packed) // 2])
    assert half.problem
    assert 0 < half.lines < whole.lines
    assert explained(b"\x1f\x8bnonsense").problem
    few = "\n".join(line for line, _ in LINES).encode() + b"\n"
    torn = explained(gzip.compress(few)[:-9])
    assert torn.problem
    assert torn.failures > 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_log_that_windows_has_kept_is_read(encoding: str) -> None:
    text = "\r\n".join(line for line, _ in LINES * 200)
    mark = "" if encoding == "utf-16" else "\ufeff"
    found = explained((mark + text).encode(encoding))
    assert (found.lines, found.failures) == (len(LINES) * 200, len(LINES) * 200)
    assert explained("\ufeff".encode(encoding) + b"\xd8").failures == 0


def test_a_mark_of_unicode_before_the_first_line_hides_no_failure() -> None:
    assert explained(b"\xef\xbb\xbf" + LINES[0][0].encode()).failures == 1


def test_an_empty_log_says_nothing() -> None:
    assert explained(b"").lines == 0
    assert explained_lines("just words").unknown == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_has_its_sentences(language: str) -> None:
    catalogue = Catalogue(language)  # type: ignore[arg-type]
    for cause in causes():
        assert catalogue.knows(f"logs.{cause}"), cause
        assert cause.partition(".")[0] in CAUSES


def test_the_status_codes_are_in_words() -> None:
    assert len(statuses()) >= 75
    assert meaning("5.1.1", "de") == "Dieses Postfach gibt es nicht"
    assert meaning("4.2.2", "en") == "The mailbox is full"
    assert meaning("5.99.99", "en") == ""
    for one in statuses().values():
        assert one.de != one.en


def test_lines_of_a_real_postfix_are_read(material: Path) -> None:
    """Every line of the collection that bears a failure is read, none raises."""
    texts: list[str] = []
    with tarfile.open(material / "postfix-log-lines.tar.gz") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is None:
                continue
            name = Path(member.name).stem.rpartition("_")[0]
            told = re.findall(r"^data: [\"'](.*)[\"']$", content.read().decode(), re.MULTILINE)
            texts += [f"Nov 27 10:00:00 mail postfix/{name}[1]: {one}" for one in told]
    assert len(texts) > 150
    for text in texts:
        found = explained_lines(text)
        assert found.lines == found.failures + found.other
        if re.search(r"status=(bounced|deferred|expired)|: reject: |: NOQUEUE: reject", text):
            assert found.failures == 1, text
        if "status=sent" in text:
            assert found.failures == 0, text


def test_grouping_takes_lines_one_by_one() -> None:
    grouping = Grouping()
    grouping.add(LINES[0][0].encode())
    assert grouping.explained().failures == 1
