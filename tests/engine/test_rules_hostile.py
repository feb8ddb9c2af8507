"""Broken mail and hostile scripts: the mail stays where it is and is marked, and other mail goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine.app import App, open_app
from eilbote.engine.filter import filter_new
from eilbote.engine.rule_scripts import decider_of
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.store.rule_runs import Performed, RuleRuns
from eilbote.store.rule_values import LOOK, Ruling
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import Account, ListedMailbox, Watermarks
from tests.engine.killed_rules import config, raw
from tests.store.given import ANNA, NOW, arrival

EVERYTHING = """
require ["fileinto", "body", "mime", "foreverypart", "editheader", "variables", "regex", "envelope", "date",
    "relational", "comparator-i;ascii-numeric", "duplicate", "index", "imap4flags", "mailbox"];
if anyof (body :text :contains "Geheimwort", body :raw :contains "Geheimwort",
    header :regex "subject" "(a+)+b", date :value "ge" "date" "hour" "99",
    header :index 1 :contains "received" "nie", envelope :is "from" "nie@example.org",
    address :all :matches "from" "*nie*", header :value "ge" :comparator "i;ascii-numeric" "x-spam" "999") {
    fileinto "Treffer";
}
foreverypart { if header :mime :contenttype "content-type" "application/x-nie" { fileinto "Teil"; } }
if header :contains "subject" "gut" { fileinto "Gut"; stop; }
"""
BROKEN = {
    "nothing": b"",
    "one line end": b"\r\n",
    "zeros": b"\0" * 5_000,
    "no header": b"just text\r\nand more\r\n" * 50,
    "only CR": b"Subject: x\rFrom: y@example.org\r\rtext\r",
    "endless header": b"Subject: " + b"x" * 2_000_000,
    "many fields": b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\ntext",
    "deep parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(500)
    ),
    "bad encodings": b"Subject: =?x-nie?q?=FF=FE?= =?utf-8?b?////?=\r\nDate: never\r\nFrom: <<>>,,;:\r\n"
    b"Content-Type: text/plain; charset=x\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
    "regex bait": b"Subject: " + b"a" * 5_000 + b"\r\n\r\ntext",
    "many addresses": b"From: " + b", ".join(b"a%d@example.org" % n for n in range(20_000)) + b"\r\n\r\nx",
    "surrogates": b"Subject: \xed\xa0\x80\xff\r\nReturn-Path: \xff\r\n\r\n\xff\xfe",
}


def opened(app: App, script: str) -> tuple[Account, int]:
    account = app.store.accounts.add(ANNA, NOW)
    (inbox,) = app.store.mailboxes.upsert(
        account.id, [ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX)]
    )
    app.store.mailboxes.set_watermarks(inbox.id, Watermarks(uidvalidity=7, uidnext=1))
    app.store.accounts.update(account.id, synced=NOW)
    text = f"[[script]]\nname = \"alles\"\nsieve = '''{script}'''\n"
    app.store.rule_book.save(text, 0, NOW)
    return account, inbox.id


def come(app: App, inbox: int, raws: dict[str, bytes]) -> None:
    mails = [
        arrival(number, raw=data, message_id=f"{number}@example.com")
        for number, data in enumerate(raws.values(), 1)
    ]
    app.store.messages.apply(inbox, MailboxUpdate(arrivals=mails), NOW)


def test_broken_mail_stays_and_good_mail_goes_on(tmp_path: Path) -> None:
    with open_app(config(tmp_path / "home")) as app:
        account, inbox = opened(app, EVERYTHING)
        come(app, inbox, {**BROKEN, "good": raw(99, "gut")})
        done = filter_new(app, account, decider_of(app, account))
        assert done.judged == len(BROKEN) + 1
        gut = app.store.mailboxes.find(account.id, "Gut")
        assert gut is not None
        assert gut.messages == 1
        assert app.store.mailboxes.get(inbox).messages == len(BROKEN)
        assert {problem.code for problem in done.problems} <= {"sieve.match_too_long"}
        assert filter_new(app, account, decider_of(app, account)).judged == 0


HOSTILE = {
    "many actions": 'require "fileinto";' + "".join(f'fileinto "F{n}";' for n in range(200)),
    "many redirects": "".join(f'redirect "a{n}@example.org";' for n in range(20)),
    "to all people": 'require "extlists"; redirect :list ":addrbook:default";',
    "a variable that grows": 'require "variables"; set "a" "xxxxxxxxxx";' + 'set "a" "${a}${a}";' * 60,
    "a bad mailbox": 'require ["fileinto", "variables"]; set "n" "a${unknown}"; fileinto "//";',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_script_ends_and_its_mail_is_marked(tmp_path: Path, name: str) -> None:
    with open_app(config(tmp_path / "home")) as app:
        account, inbox = opened(app, HOSTILE[name])
        come(app, inbox, {"one": raw(1, "eins"), "two": raw(2, "zwei")})
        done = filter_new(app, account, decider_of(app, account))
        flags = app.store.messages.held_flags(inbox)
        if name == "a variable that grows":  # cut, as RFC 5229 section 3 lets it be
            assert flags == {1: frozenset(), 2: frozenset()}
        else:
            assert done.problems
            assert flags == {1: frozenset({LOOK}), 2: frozenset({LOOK})}
        assert app.store.outbox.all(account.id) == []
        assert [box.name for box in app.store.mailboxes.all(account.id)] == ["INBOX"]


def test_a_thousand_faults_are_told_in_a_word(tmp_path: Path) -> None:
    """Each mail is marked, and has its row of history; the pass names one."""
    script = 'require ["variables", "fileinto"]; if header :matches "subject" "*" { fileinto "//${1}"; }'
    with open_app(config(tmp_path / "home")) as app:
        account, inbox = opened(app, script)
        come(app, inbox, {str(number): raw(number, f"x{number}") for number in range(50)})
        done = filter_new(app, account, decider_of(app, account))
        assert [problem.code for problem in done.problems] == ["mailbox.bad_name"]
        assert len(app.store.rule_runs.history()) == 50
        assert set(app.store.messages.held_flags(inbox).values()) == {frozenset({LOOK})}


def test_what_nobody_foresaw_stops_no_other_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = RuleRuns.perform

    def faulty(runs: RuleRuns, ruling: Ruling, now: float) -> Performed | None:
        if ruling.place[1] == 2 and ruling.problem is None:
            raise ValueError
        return real(runs, ruling, now)

    monkeypatch.setattr(RuleRuns, "perform", faulty)
    with open_app(config(tmp_path / "home")) as app:
        account, inbox = opened(app, 'require "fileinto"; fileinto "Gut";')
        come(app, inbox, {str(number): raw(number, "x") for number in range(3)})
        done = filter_new(app, account, decider_of(app, account))
        assert [problem.code for problem in done.problems] == ["rules.unforeseen"]
        assert app.store.messages.held_flags(inbox) == {2: frozenset({LOOK})}
