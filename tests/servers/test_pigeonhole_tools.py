"""The private Pigeonhole itself: each of its tools says what it is asked."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.servers.pigeonhole import Pigeonhole, PrintedAction, Stored

MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nX-Spam-Score: 5\r\nSubject: Hallo\r\n\r\nText\r\n"


def test_actions_are_read_with_their_details_and_nothing_is_done(pigeonhole: Pigeonhole) -> None:
    script = """
require ["fileinto", "imap4flags", "enotify", "vacation"];
fileinto :flags ["\\\\Seen", "blau"] "Büro/Rechnungen";
redirect "x@example.net";
notify "mailto:c@example.org";
vacation "weg";
"""
    verdict = pigeonhole.test(script, MAIL, sender="a@example.org", recipient="b@example.org")
    assert (verdict.status, verdict.accepted, verdict.failed) == (0, True, False)
    assert [action.said for action in verdict.actions] == [
        "store message in folder: Büro/Rechnungen",
        "redirect message to: <x@example.net>",
        "send notification with method 'mailto:':",
        "send vacation message:",
    ]
    assert verdict.actions[0].details == ("+ add IMAP flags: \\seen blau",)
    assert verdict.implicit_keep == ()


def test_implicit_keep_and_the_empty_list(pigeonhole: Pigeonhole) -> None:
    verdict = pigeonhole.test("stop;", MAIL)
    assert verdict.actions == ()
    assert verdict.implicit_keep == (PrintedAction("store message in folder: INBOX"),)


def test_scores_includes_and_mailboxes_are_known(pigeonhole: Pigeonhole) -> None:
    pigeonhole.include("other", 'require "fileinto"; fileinto "Included";')
    pigeonhole.make_mailboxes(["There"])
    script = """
require ["fileinto", "include", "mailbox", "special-use"];
require ["spamtest", "relational", "comparator-i;ascii-numeric"];
include :personal "other";
if spamtest :value "ge" :comparator "i;ascii-numeric" "4" { fileinto "Spam"; }
if mailboxexists "There" { fileinto "Seen"; }
if mailboxexists "Nowhere" { fileinto "Wrong"; }
if specialuse_exists "\\\\Junk" { fileinto "Special"; }
"""
    verdict = pigeonhole.test(script, MAIL)
    assert [action.said for action in verdict.actions] == [
        f"store message in folder: {name}" for name in ("Included", "Spam", "Seen", "Special")
    ], verdict.errors


def test_a_wrong_script_is_refused_with_its_line(pigeonhole: Pigeonhole) -> None:
    for verdict in (pigeonhole.compile("keep;\nkep;\n"), pigeonhole.test("keep;\nkep;\n", MAIL)):
        assert not verdict.accepted
        assert verdict.status == 89
        assert "line 2: error: unknown command 'kep'" in verdict.errors
    assert pigeonhole.compile("keep;\n").status == 0


def test_a_script_that_fails_at_a_mail_is_told_from_a_wrong_one(pigeonhole: Pigeonhole) -> None:
    script = 'require "variables"; set "a" "x"; redirect "${a} nope";'
    verdict = pigeonhole.test(script, MAIL)
    assert (verdict.accepted, verdict.failed) == (True, True)


def test_delivery_shows_the_changed_header_and_the_flags(pigeonhole: Pigeonhole) -> None:
    script = """
require ["fileinto", "editheader", "imap4flags"];
addheader "X-Neu" "ja";
fileinto :flags "\\\\Flagged" "Büro/A";
keep;
"""
    verdict, stored = pigeonhole.deliver(script, MAIL)
    assert verdict.status == 0, verdict.errors
    assert sorted((mail.mailbox, sorted(mail.flags)) for mail in stored) == [("Büro/A", ["F"]), ("INBOX", [])]
    assert all(b"X-Neu: ja" in mail.raw for mail in stored)


def test_filter_judges_every_mail_of_a_maildir(pigeonhole: Pigeonhole, tmp_path: Path) -> None:
    maildir = pigeonhole.folder / "work" / "old"
    verdict, stored = pigeonhole.deliver("keep;", MAIL)
    assert stored == (Stored("INBOX", stored[0].raw, frozenset()),)
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    for number in range(3):
        (maildir / "new" / f"{number}.mail").write_bytes(MAIL)
    for path in (maildir, *maildir.iterdir()):
        shutil.chown(path, (pigeonhole.folder / "work").owner(), (pigeonhole.folder / "work").group())
    verdict = pigeonhole.filter('require "fileinto"; fileinto "Da";', maildir)
    assert verdict.status == 0, verdict.errors
    assert verdict.printed.count("* store message in folder: Da") == 3
    assert len(list((maildir / "new").iterdir())) + len(list((maildir / "cur").iterdir())) == 3
