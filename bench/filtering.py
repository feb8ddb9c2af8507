"""Rules over a mailbox: Pigeonhole's `sieve-filter` over a Maildir, `eilbote rules test` over the store.

Both only say what they would do. The scripts are what a busy person's rules look like: senders and
their domains, words of subjects, lists, recipients; and the same with a look into the body now and then.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.clients import Eilbote
from bench.mailboxes import Recipe, mails
from bench.measure import Cost, RunFailed, measure
from eilbote.sieve.script import Script, read_script
from tests.servers.life import mail_owner
from tests.servers.pigeonhole import Pigeonhole

RULES = 100
_BODY_WORDS = ("Kündigungsfrist", "Zahlungserinnerung", "Mahnbescheid", "unsubscribe", "overdue", "warranty")
_SUBJECTS = ("Rechnung", "invoice", "Garten", "meeting", "Angebot", "Termin", "delivery", "Versand")


def script(rules: int, *, bodies: bool = False) -> str:
    """So many rules, as a person's: of every ten three look for domains, two for people, two for subjects,
    one for a recipient, one for a list, one for a size or, with `bodies`, a word in the text."""
    needed = ["fileinto", "imap4flags", "envelope", *(["body"] if bodies else [])]
    lines = ["require [" + ", ".join(f'"{name}"' for name in needed) + "];"]
    for number in range(rules):
        lines += [f"# rule:[Rule {number}]", f"if {_test(number, bodies)} {{", f"    {_action(number)}", "}"]
    return "\r\n".join(lines) + "\r\n"


def _test(number: int, bodies: bool) -> str:
    match number % 10:
        case 0 | 1 | 2:
            return f'address :domain "from" ["firma{number + 60}.example", "shop{number}.example"]'
        case 3 | 4:
            people = ", ".join(
                f'"person{each}@firma{each % 60}.example"' for each in range(number, number + 5)
            )
            return f'address :is ["from", "sender"] [{people}]'
        case 5 | 6:
            word = _SUBJECTS[number % len(_SUBJECTS)]
            return f'header :contains "subject" ["{word} {number}", "[{word}]", "Re: {word}"]'
        case 7:
            return f'allof (header :matches "to" "*firma{number}*", not header :contains "subject" "Re:")'
        case 8:
            return f'anyof (exists "list-id", header :contains "x-mailer" "Version {number}")'
        case _:
            if bodies:
                return f'body :text :contains "{_BODY_WORDS[number // 10 % len(_BODY_WORDS)]} {number}"'
            return f"size :over {number}M"


def _action(number: int) -> str:
    if number % 7 == 0:
        return 'addflag "\\\\Flagged";'
    return f'fileinto "Folder{number % 12}";' + (" stop;" if number % 5 == 0 else "")


def write_maildir(folder: Path, recipe: Recipe) -> Path:
    """The recipe's mails as a Maildir, made once."""
    target = folder / f"{recipe.name}-{recipe.mails}"
    if not (target / "ready").exists():
        owner = mail_owner()
        for part in ("cur", "new", "tmp"):
            (target / part).mkdir(parents=True, exist_ok=True)
        for number, mail in enumerate(mails(recipe)):
            seconds = int(mail.internal_date.timestamp())
            letters = "".join(
                letter
                for flag, letter in (("\\Flagged", "F"), ("\\Answered", "R"), ("\\Seen", "S"))
                if flag in mail.flags
            )
            path = target / "cur" / f"{seconds}.{number}.bench,S={len(mail.raw)}:2,{letters}"
            path.write_bytes(mail.raw)
            os.utime(path, (seconds, seconds))
        subprocess.run(["chown", "-R", f"{owner.pw_uid}:{owner.pw_gid}", str(target)], check=True)
        (target / "ready").touch()
    return target


@contextmanager
def pigeonhole() -> Iterator[Pigeonhole]:
    """Its tools, with a configuration of their own."""
    tools = Pigeonhole()
    try:
        yield tools
    finally:
        tools.remove()


def by_eilbote(client: Eilbote, script: str, *options: str) -> Cost:
    """`eilbote rules test`: says what it would do with each mail; nothing is done."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sieve"
        path.write_text(script, encoding="utf-8")
        command = client.command("rules", "test", "--script", str(path), "--json", *options)
        return measure(command, environment=client.environment).cost


def compiling(pigeonhole: Pigeonhole, rules: int) -> tuple[float, float]:
    """Seconds to compile so many rules: ours until the first mail can come, and `sievec` as a process."""
    text = script(rules)

    def compile_it() -> None:
        made = read_script(text)
        if not isinstance(made, Script):
            raise RunFailed(f"the script has problems: {made[0]}")
        made.form(trace=False)

    path = pigeonhole.folder / "work" / "bench.sieve"
    path.write_text(text, encoding="utf-8")
    configuration = str(pigeonhole.folder / "dovecot.conf")
    theirs = measure(["sievec", "-c", configuration, str(path), str(path) + "bin"]).cost.seconds
    return min(timeit.repeat(compile_it, number=1, repeat=3)), theirs


def by_pigeonhole(pigeonhole: Pigeonhole, script: str, maildir: Path) -> Cost:
    """`sieve-filter` compiles the script and says what it would do with each mail; nothing is done."""
    folder = pigeonhole.folder / "work"
    path = folder / "bench.sieve"
    path.write_text(script, encoding="utf-8")
    configuration = str(pigeonhole.folder / "dovecot.conf")
    location = f"mail_location=maildir:{maildir}:UTF-8"
    command = ["sieve-filter", "-c", configuration, "-C", "-o", location, str(path), "INBOX"]
    return measure(command).cost
