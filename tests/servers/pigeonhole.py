"""Pigeonhole's own tools as the judge of a Sieve script: `sieve-test`, `sieve-filter` and `sievec`.

Every instance has a configuration and a folder of its own; the machine's Dovecot is never read or
touched, no server runs, and no mail leaves: what a script would send is only printed. Nothing of it
may be left behind when the test ends (`remove`).

All extensions that Pigeonhole knows are on. It has neither `ereject`, `mailboxid`, `extlists` nor
`imapsieve` here. `spamtest` reads `X-Spam-Score` (of 10), `virustest` reads `X-Virus-Status` ("clean",
"infected").
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.dovecot import DovecotMissing, dovecot_version
from tests.servers.life import mail_owner

_SECONDS = 60
_ADDITIONAL = (
    "notify imapflags spamtest spamtestplus virustest editheader special-use vacation-seconds "
    "mboxmetadata servermetadata vnd.dovecot.environment"
)


class PigeonholeMissing(Exception):
    """Pigeonhole's tools are not on this machine, or of a version that takes another configuration."""


@dataclass(frozen=True, slots=True)
class PrintedAction:
    """One action of the list that `sieve-test` prints."""

    said: str
    """Its line without the star: `store message in folder: Test`."""
    details: tuple[str, ...] = ()
    """The lines below it, stripped: `+ add IMAP flags: \\seen`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one run of a tool came to."""

    status: int
    """0: the script ran (also where it failed and the mail was kept for that: see `errors`); 1: it
    failed while it ran with `deliver`; 89: it was not accepted."""
    printed: str
    """Everything it wrote to standard output."""
    errors: str
    """Everything it wrote to standard error: refusals with their line, log, the final result."""
    actions: tuple[PrintedAction, ...] = ()
    implicit_keep: tuple[PrintedAction, ...] = ()
    """What the implicit keep does; empty where it was cancelled."""

    @property
    def accepted(self) -> bool:
        """Whether the script compiled."""
        return "failed to compile" not in self.errors

    @property
    def failed(self) -> bool:
        """Whether it compiled and then failed at this mail."""
        return "final result: failed" in self.errors


@dataclass(frozen=True, slots=True)
class Stored:
    """A mail that a script has really put into a mailbox."""

    mailbox: str
    raw: bytes
    """As stored, so with LF for every end of line and what `editheader` did to it."""
    flags: frozenset[str]
    """Letters of Maildir: D draft, F flagged, R answered, S seen, T deleted; small ones are keywords."""


class Pigeonhole:
    """The tools with one private configuration. One may serve many scripts, a few milliseconds each."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """`settings` go into `plugin { }`, such as `sieve_max_redirects`; raises PigeonholeMissing."""
        for program in ("sieve-test", "sieve-filter", "sievec"):
            _program(program)
        try:
            if dovecot_version() >= (2, 4):
                raise PigeonholeMissing("the private Pigeonhole is written for Dovecot 2.3")
        except DovecotMissing as missing:
            raise PigeonholeMissing(str(missing)) from missing
        self.folder = Path(tempfile.mkdtemp(prefix="eb-sieve-", dir="/tmp"))
        self.folder.chmod(0o755)  # the tools become the owner of mail before they read
        self._serial = itertools.count(1)
        for name in ("work", "scripts", "mail"):
            _own(self.folder / name)
        self._configuration = self.folder / "dovecot.conf"
        self._configuration.write_text(_configuration(self.folder, settings or {}), encoding="utf-8")

    def include(self, name: str, script: str | bytes) -> None:
        """Put a script where `include :personal` finds it."""
        (self.folder / "scripts" / f"{name}.sieve").write_bytes(_bytes(script))

    def make_mailboxes(self, names: Iterable[str]) -> None:
        """Mailboxes that `mailboxexists` sees; Junk is there and marked \\Junk, as are Sent and others."""
        _maildir(self.folder / "mail", names)

    def test(
        self,
        script: str | bytes,
        mail: bytes,
        *,
        sender: str | None = None,
        recipient: str | None = None,
        mailbox: str | None = None,
        trace: bool = False,
    ) -> Verdict:
        """What the script would do with this mail; nothing is done. `sender` and `recipient` are those
        of the envelope, "" the empty sender; `mailbox` is where keep stores; `trace` prints every test."""
        options = _envelope(sender, recipient)
        if mailbox is not None:
            options += ["-m", mailbox]
        if trace:
            options += ["-t", "-", "-T", "level=matching"]
        with _Files(self, script, mail) as files:
            return self._run("sieve-test", *options, str(files.script), str(files.mail))

    def deliver(
        self, script: str | bytes, mail: bytes, *, sender: str | None = None, recipient: str | None = None
    ) -> tuple[Verdict, tuple[Stored, ...]]:
        """Do it: the mails as stored, by mailbox name. What would be sent is in `printed`. The mailboxes
        that it names are made first; they vanish afterwards."""
        foreseen = self.test(script, mail, sender=sender, recipient=recipient)
        heads = [action.said for action in (*foreseen.actions, *foreseen.implicit_keep)]
        start = "store message in folder: "
        names = [head.removeprefix(start) for head in heads if head.startswith(start)]
        with _Files(self, script, mail) as files:
            store = files.folder / "store"
            _tree(store, {"INBOX", *names})
            location = f"maildir:{store}:LAYOUT=fs:INBOX={store}/INBOX:UTF-8"
            options = ["-e", "-l", location, *_envelope(sender, recipient)]
            verdict = self._run("sieve-test", *options, str(files.script), str(files.mail))
            return verdict, tuple(_stored(store))

    def filter(self, script: str | bytes, maildir: Path, mailbox: str = "INBOX") -> Verdict:
        """What `sieve-filter` would do with every mail of a Maildir (an owner's it may read and write its
        indexes to); nothing is done. Its mails follow each other in `printed`; `actions` stays empty."""
        with _Files(self, script, b"") as files:
            location = f"mail_location=maildir:{maildir}:UTF-8"
            done = self._call("sieve-filter", "-C", "-v", "-o", location, str(files.script), mailbox)
        return Verdict(done.returncode, _text(done.stdout), _text(done.stderr))

    def compile(self, script: str | bytes) -> Verdict:
        """Whether `sievec` takes it; its complaints with their lines are in `errors`."""
        with _Files(self, script, b"") as files:
            done = self._call("sievec", str(files.script), str(files.folder / "out.svbin"))
        return Verdict(done.returncode, _text(done.stdout), _text(done.stderr))

    def remove(self) -> None:
        """Delete all that it wrote."""
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> Verdict:
        done = self._call(program, "-C", *arguments)
        printed = _text(done.stdout)
        return Verdict(
            done.returncode,
            printed,
            _text(done.stderr),
            _actions(printed, "Performed actions:"),
            _actions(printed, "Implicit keep:"),
        )

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [_program(program), "-c", str(self._configuration), *arguments]
        return subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False, cwd="/"
        )


class _Files:
    """A script and a mail in a folder of their own, for one run."""

    def __init__(self, owner: Pigeonhole, script: str | bytes, mail: bytes) -> None:
        self.folder = owner.folder / "work" / str(next(owner._serial))
        self.script = self.folder / "script.sieve"
        self.mail = self.folder / "mail.eml"
        self._contents = (_bytes(script), mail)

    def __enter__(self) -> _Files:
        _own(self.folder)
        self.script.write_bytes(self._contents[0])
        self.mail.write_bytes(self._contents[1])
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if found is None:
        raise PigeonholeMissing(f"{name} is missing: apt-get install dovecot-sieve")
    return found


def _configuration(folder: Path, settings: Mapping[str, str]) -> str:
    owner = mail_owner()
    roles = {"Junk": "Junk", "Sent": "Sent", "Drafts": "Drafts", "Trash": "Trash", "Archive": "Archive"}
    mailboxes = "".join(
        f"  mailbox {name} {{\n    auto = create\n    special_use = \\{role}\n  }}\n"
        for name, role in roles.items()
    )
    plugin = {
        "sieve": f"file:{folder}/scripts;active={folder}/active.sieve",
        "sieve_extensions": " ".join(f"+{name}" for name in _ADDITIONAL.split()),
        "sieve_spamtest_status_type": "score",
        "sieve_spamtest_status_header": "X-Spam-Score",
        "sieve_spamtest_max_value": "10",
        "sieve_virustest_status_type": "text",
        "sieve_virustest_status_header": "X-Virus-Status",
        "sieve_virustest_text_value1": "clean",
        "sieve_virustest_text_value5": "infected",
        "sieve_vacation_min_period": "0",
        **settings,
    }
    lines = "".join(f"  {name} = {value}\n" for name, value in plugin.items())
    return f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
mail_location = maildir:{folder}/mail:UTF-8
mail_attribute_dict = file:{folder}/work/attributes
mail_uid = {owner.pw_uid}
mail_gid = {owner.pw_gid}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
hostname = filter.example.org
postmaster_address = postmaster@example.org
recipient_delimiter = +
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}}}
plugin {{
{lines}}}
"""


def _envelope(sender: str | None, recipient: str | None) -> list[str]:
    options: list[str] = []
    if sender is not None:
        options += ["-f", sender]
    if recipient is not None:
        options += ["-a", recipient, "-r", recipient]
    return options


def _actions(printed: str, heading: str) -> tuple[PrintedAction, ...]:
    """The list below a heading. A detail may hold any text of the script, even what looks like a line of
    the list: then ask `printed`."""
    found: list[PrintedAction] = []
    rest = printed.rpartition(f"\n{heading}\n")[2] if f"\n{heading}\n" in printed else ""
    for line in rest.split("\nImplicit keep:\n")[0].splitlines():
        if line.startswith(" * "):
            found.append(PrintedAction(line.removeprefix(" * ")))
        elif found and line.strip():
            last = found[-1]
            found[-1] = PrintedAction(last.said, (*last.details, line.strip()))
    return tuple(found)


def _maildir(folder: Path, names: Iterable[str]) -> None:
    _own(folder)
    for name in names:
        inner = folder if name == "INBOX" else folder / ("." + name.replace("/", "."))
        if not inner.exists():
            _own(inner)
        for part in ("cur", "new", "tmp"):
            _own(inner / part)


def _tree(store: Path, names: Iterable[str]) -> None:
    _own(store)
    for name in names:
        inner = store
        for part in (*name.split("/"), ""):
            _own(inner)
            inner = inner / part
        for part in ("cur", "new", "tmp"):
            _own(inner / part)


def _stored(store: Path) -> Iterable[Stored]:
    for path in sorted(store.glob("**/*")):
        if path.is_file() and path.parent.name in ("cur", "new"):
            name = str(path.parent.parent.relative_to(store))
            _, _, flags = path.name.partition(":2,")
            yield Stored(name, path.read_bytes(), frozenset(flags))


def _own(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        owner = mail_owner()
        os.chown(folder, owner.pw_uid, owner.pw_gid)


def _bytes(script: str | bytes) -> bytes:
    return script.encode() if isinstance(script, str) else script


def _text(output: bytes) -> str:
    return output.decode(errors="replace")
