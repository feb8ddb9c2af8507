"""The commands there are, and `eilbote --help`: written without loading anything that runs a command.

The help must come at once, so this module imports no command, and not even the parser of the
command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from eilbote.catalogue import LANGUAGES, mark
from eilbote.cli.terminal import width, wrapped


class Entry(NamedTuple):
    """A command: the module of `eilbote.cli` and the attribute that holds it, and what it does."""

    module: str
    attribute: str
    meaning: str


class GeneralOption(NamedTuple):
    """An option that every command takes. `value`: what follows it, empty for a switch."""

    name: str
    flags: tuple[str, ...]
    value: str
    meaning: str
    choices: tuple[str, ...] = ()


COMMANDS = {
    "demo": Entry("demo", "demo", mark("Try everything with sample mail, without an account")),
    "account": Entry("account", "account", mark("Add, show, test and remove mail accounts")),
    "doctor": Entry("doctor", "doctor", mark("Find out what is wrong with an account, and what to do")),
    "logs": Entry("logs", "logs", mark("Say what a mail server's log means, and what to do")),
    "providers": Entry("providers", "providers", mark("Show what is known of the mail providers")),
    "sync": Entry("sync", "sync", mark("Make server and local copy the same, in both directions")),
    "verify": Entry("verify", "verify", mark("Check that server and local copy are the same")),
    "serve": Entry("serve", "serve", mark("Keep all accounts in sync until stopped")),
    "mailboxes": Entry("mailboxes", "mailboxes", mark("List and change mailboxes")),
    "list": Entry("listing", "list_", mark("List mail, newest first")),
    "search": Entry("listing", "search", mark("Find mail by words, people, dates and more")),
    "thread": Entry("listing", "thread", mark("List a whole conversation")),
    "show": Entry("message", "show", mark("Show a mail")),
    "raw": Entry("message", "raw", mark("Write a mail exactly as it was received")),
    "attachments": Entry("message", "attachments", mark("List or save the attachments of a mail")),
    "flag": Entry("act", "flag", mark("Mark mail as read, flagged, or with keywords of your own")),
    "move": Entry("act", "move", mark("Move mail to another mailbox")),
    "copy": Entry("act", "copy", mark("Copy mail to another mailbox")),
    "archive": Entry("act", "archive", mark("Move mail to the archive")),
    "delete": Entry("act", "delete", mark("Delete mail: into the trash, out of the trash for good")),
    "junk": Entry("act", "junk", mark("Move mail to the junk mailbox")),
    "undo": Entry("act", "undo", mark("Take back what was done last")),
    "rules": Entry("rules", "rules", mark("Sort, mark, forward and answer mail by rules")),
    "conflicts": Entry(
        "conflicts",
        "conflicts",
        mark("Show what two sides changed at once, and how it was decided"),
    ),
    "quarantine": Entry("quarantine", "quarantine", mark("Show mails that could not be taken in, and why")),
    "send": Entry("send", "send", mark("Write a mail, or take one in from a program, to be sent")),
    "outbox": Entry("outbox", "outbox", mark("Show what is to be sent, deliver it, take it back")),
    "complete": Entry("complete", "complete", mark("Find people by the beginning of a name or address")),
    "export": Entry("exchange", "export", mark("Write mail into files: Maildir, mbox, single messages")),
    "import": Entry("exchange", "import_", mark("Take mail in from files: Maildir, mbox, single messages")),
    "migrate": Entry("migrate", "migrate", mark("Copy all mail of an account into another account")),
    "completion": Entry("completion", "completion", mark("Print the completion script for a shell")),
    "man": Entry("man", "man", mark("Print the manual page")),
}

SECTIONS = {
    mark("Start"): ("demo", "account", "providers", "doctor", "sync", "verify", "serve"),
    mark("Read"): ("mailboxes", "list", "search", "thread", "show", "raw", "attachments", "quarantine"),
    mark("Act"): ("flag", "move", "copy", "archive", "delete", "junk", "undo", "conflicts"),
    mark("Rules"): ("rules",),
    mark("Send"): ("send", "outbox", "complete"),
    mark("Bring and take"): ("export", "import", "migrate"),
    mark("More"): ("logs", "completion", "man"),
}


GENERAL = (
    GeneralOption("home", ("--home",), "DIR", mark("Folder that holds all data.")),
    GeneralOption("json", ("--json",), "", mark("Answer in JSON, one object a line.")),
    GeneralOption("language", ("--lang",), "[de|en]", mark("Language of all output."), LANGUAGES),
    GeneralOption(
        "trace",
        ("--trace",),
        "FILE",
        mark("Write the dialogue with the servers into a file, without passwords."),
    ),
    GeneralOption("help", ("-h", "--help"), "", mark("Show this help.")),
)

PURPOSE = mark("Eilbote keeps all your mail in one place of your own, in order and provably complete.")
FIRST_STEPS = mark("First steps:\n  eilbote demo\n  eilbote account add you@example.org\n  eilbote sync")
_OF_ALL = mark("Options of every command")


def overview(text: Callable[[str], str], cells: int) -> str:
    """The help of the program itself in at most `cells` columns. `text` translates."""
    return "\n".join(_lines(text, min(cells, 100))) + "\n"


def _lines(text: Callable[[str], str], cells: int) -> Iterator[str]:
    yield f"{text('Usage:')} eilbote {text('[OPTIONS]')} {text('COMMAND [ARGUMENTS]')}"
    yield ""
    yield from (f"  {line}" for line in wrapped(text(PURPOSE), cells - 2))
    sections = [
        (title, [(name, text(COMMANDS[name].meaning)) for name in names]) for title, names in SECTIONS.items()
    ]
    options = [(f"{', '.join(each.flags)} {each.value}".rstrip(), text(each.meaning)) for each in GENERAL]
    sections.append((_OF_ALL, options))
    broadest = max(width(name) for _, entries in sections for name, _ in entries)
    for title, entries in sections:
        yield from _section(text(title), entries, broadest, cells)
    yield ""
    yield from text(FIRST_STEPS).splitlines()


def _section(title: str, entries: Sequence[tuple[str, str]], broadest: int, cells: int) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    for name, meaning in entries:
        lead = f"  {name:<{broadest}}  "
        for line in wrapped(meaning, cells - broadest - 4):
            yield lead + line
            lead = " " * (broadest + 4)
