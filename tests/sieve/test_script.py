"""A script as a whole: read, checked, run; what comes out and why."""

from __future__ import annotations

from eilbote.sieve.mail import MessageMail
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import FileInto, Keep, Outcome, Position, Said, World

MAIL = (
    b"From: Anna <anna@steuerberater.example>\r\nTo: me@example.org\r\n"
    b"Subject: =?utf-8?q?B=C3=BCro?= Rechnung\r\n\r\nText\r\n"
)


def outcome(text: str, mail: bytes = MAIL, world: World | None = None, *, trace: bool = True) -> Outcome:
    script = read_script(text)
    assert isinstance(script, Script), script
    return run(script, MessageMail(mail), world or World(now=0), trace=trace)


def test_a_rule_acts_and_its_steps_tell_why() -> None:
    text = """require ["fileinto", "imap4flags", "variables", "copy"];
# rule:[Steuer]
if address :domain "From" "steuerberater.example" {
    addflag "\\\\Seen";
    if header :matches "subject" "* *" { fileinto :copy "${2}/${1}"; }
}
# rule:[]
stop;
"""
    found = outcome(text)
    action = FileInto(Position(5, 42), "Rechnung/Büro", ("\\Seen",), copy=True)
    assert found.actions == (action, Keep(Position(0, 0), ("\\Seen",), implicit=True))
    assert found.implicit_keep and found.rules == ("Steuer", "Steuer")
    assert [(step.name, step.result, step.rule) for step in found.trace] == [
        ("address", True, "Steuer"),
        ("addflag", None, "Steuer"),
        ("header", True, "Steuer"),
        ("fileinto", None, "Steuer"),
        ("stop", None, ""),
    ]
    assert found.trace[0].detail == 'address :domain "From" "steuerberater.example" ← "steuerberater.example"'
    quick = outcome(text, trace=False)
    assert (quick.actions, quick.rules, quick.trace) == (found.actions, found.rules, ())


def test_what_the_assistant_said_can_be_tested() -> None:
    text = """require ["relational", "comparator-i;ascii-numeric"];
require ["fileinto", "vnd.eilbote.sender", "vnd.eilbote.category", "vnd.eilbote.spam"];
if eilbote_spam :value "ge" :comparator "i;ascii-numeric" "90" { fileinto "Spam"; }
elsif eilbote_spam :value "ge" :comparator "i;ascii-numeric" "50" { fileinto "Maybe"; }
elsif eilbote_sender ["high", "normal"] { fileinto "Important"; }
elsif eilbote_category "invoice" { fileinto "Invoices"; }
elsif eilbote_sender "first-contact" { fileinto "New"; }
elsif eilbote_sender "known" { fileinto "Known"; }
"""
    for said, mailbox in [
        (Said(spam=0.95), "Spam"),
        (Said(spam=0.6), "Maybe"),
        (Said(spam=0.1, category="Invoice"), "Invoices"),
        (Said(first_contact=True), "New"),
        (Said(known=True, first_contact=False), "Known"),
        (Said(), None),
    ]:
        found = outcome(text, world=World(now=0, said=said))
        assert [each.mailbox for each in found.actions if isinstance(each, FileInto)] == (
            [mailbox] if mailbox else []
        )


def test_a_script_that_fails_keeps_the_mail_and_names_the_place() -> None:
    found = outcome('require ["fileinto", "ihave"];\nfileinto "A";\nerror "nein";')
    assert found.actions == (Keep(Position(0, 0), implicit=True),)
    assert found.problem is not None
    assert found.problem.at == Position(3, 1)
    assert (found.problem.problem.code, found.problem.problem.parameters) == (
        "sieve.error_wanted",
        {"message": "nein"},
    )
