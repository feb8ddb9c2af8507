"""Maildirs: Maildir++ (`.Archiv.2025` beside the inbox), nested folders, and mixtures of both.

Every mail is a file that is written in `tmp`, made to last, and then given its name in `cur`; a killed
run leaves nothing half-written where a reader looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from eilbote.errors import EilboteError, Misused, NotAllowed, Problem
from eilbote.files.disk import (
    Batch,
    check_text,
    entries,
    inside,
    make_folder,
    missing_source,
    read_mail_file,
    sync_folder,
    translated,
    unread_folder,
    write_lasting,
)
from eilbote.files.values import (
    INBOX,
    FoundFolder,
    FoundMail,
    Leaving,
    Levels,
    Observer,
    Reading,
    Unread,
    unobserved,
)
from eilbote.mail.maildir import (
    KEYWORD_LETTERS,
    MailName,
    flags_of,
    has_letter,
    letters_of,
    read_keywords,
    read_level,
    read_name,
    read_plus_name,
    write_keywords,
    write_level,
    write_plus_name,
)

_KEYWORDS = "dovecot-keywords"
_PARTS = ("cur", "new", "tmp")


class Layout(StrEnum):
    """How the folders of an account lie beside each other."""

    PLUS = "maildir"
    NESTED = "maildir-nested"


# --- reading -----------------------------------------------------------------------------------------


def read_maildir(root: Path) -> Reading:
    """Every folder below `root` and its mails, whatever the layout. Misused `files.no_source`,
    `files.no_maildir`."""
    if not root.is_dir():
        raise missing_source(root)
    found = list(_folders(root, (), 0))
    if not found:
        raise Misused("files.no_maildir", path=check_text(root))
    for one in found:
        if isinstance(one, Unread):
            yield one
            continue
        folder, levels = one
        try:
            yield from _read_folder(folder, levels or INBOX)
        except EilboteError as error:
            yield unread_folder(folder, error.problem)


def _folders(folder: Path, levels: Levels, depth: int) -> Iterator[tuple[Path, Levels] | Unread]:
    try:
        here = inside(folder, depth)
    except EilboteError as error:
        yield unread_folder(folder, error.problem)
        return
    is_mailbox = "cur" in here.folders or "new" in here.folders
    if is_mailbox:
        yield folder, levels
    yield from here.linked
    for name in here.folders:
        if name in _PARTS and is_mailbox:
            continue
        more = read_plus_name(name) if name.startswith(".") else (read_level(name),)
        yield from _folders(folder / name, levels + (more or (name,)), depth + 1)


def _read_folder(folder: Path, levels: Levels) -> Reading:
    try:
        keywords = _keywords_of(folder)
    except NotAllowed as error:
        yield unread_folder(folder / _KEYWORDS, error.problem)
        keywords = {}
    names = [
        (part, name)
        for part in ("cur", "new")
        if (folder / part).is_dir()
        for name in entries(folder / part)[0]
    ]
    yield FoundFolder(levels, len(names))
    for part, name in names:
        if name.startswith("."):
            continue
        path = folder / part / name
        raw = read_mail_file(path)
        if isinstance(raw, Problem):
            yield Unread(check_text(path), raw)
            continue
        known = read_name(name)
        flags = flags_of(known.letters, keywords)
        yield FoundMail(check_text(path), raw, flags, _delivered(path, known))


def _keywords_of(folder: Path) -> dict[str, str]:
    """What letters mean in this folder. NotAllowed `files.*` where the list cannot be read."""
    told = read_mail_file(folder / _KEYWORDS)
    if isinstance(told, bytes):
        return read_keywords(told.decode("utf-8", "surrogateescape"))
    if told.code == "files.missing":
        return {}
    raise NotAllowed(told)


def _delivered(path: Path, name: MailName) -> float | None:
    """The earlier of the file's time and that in its name: the one of the two that no later copying
    has touched."""
    try:
        modified: float | None = float(path.stat().st_mtime_ns // 1_000_000_000)
    except OSError:
        modified = None
    return min((date for date in (modified, name.delivered) if date is not None), default=None)


# --- writing -----------------------------------------------------------------------------------------


class MaildirWriter:
    """Writes one folder. A mail's name is made of its content's hash and its date, so that a second
    run knows what is there; flags that have changed meanwhile are brought up to date."""

    def __init__(self, root: Path, levels: Levels, layout: Layout, observer: Observer = unobserved) -> None:
        self.path = root / _relative(levels, layout)
        self._observer = observer
        for part in _PARTS:
            make_folder(self.path / part)
        if layout is Layout.PLUS and self.path != root:
            with translated(self.path):
                (self.path / "maildirfolder").touch()
        self._keywords = _keywords_of(self.path)
        self._there = {read_name(name).base.partition(",")[0]: name for name in entries(self.path / "cur")[0]}
        self._given: Counter[str] = Counter()
        self._batch = Batch()

    def holds(self, mail: Leaving) -> bool:
        base = self._next_base(mail)
        name = self._there.get(base)
        if name is None:
            return False
        self._count(base)
        wanted = f"{read_name(name).base}:2,{self._letters(mail)}"
        if wanted != name:
            self._observer("rename")
            with translated(self.path / "cur" / name):
                (self.path / "cur" / name).rename(self.path / "cur" / wanted)
        return True

    def write(self, mail: Leaving, raw: bytes) -> Problem | None:
        base = self._next_base(mail)
        self._count(base)
        name = f"{base},S={len(raw)}:2,{self._letters(mail)}"
        self._observer("mail")
        whole, half = self.path / "cur" / name, self.path / "tmp" / base
        self._batch.add(whole, raw, by_way_of=half, date=float(int(mail.date)))
        lost = sorted(
            flag for flag in mail.flags if not has_letter(flag) and flag not in self._keywords.values()
        )
        return Problem("export.keywords_lost", {"flags": " ".join(lost)}) if lost else None

    def flush(self) -> None:
        self._observer("flush")
        self._batch.settle()
        self._observer("names")
        sync_folder(self.path / "cur")

    def close(self) -> None:
        self.flush()

    def _next_base(self, mail: Leaving) -> str:
        """The name for the next mail with this content and date: there may be several."""
        same = f"{max(int(mail.date), 0)}.{mail.sha256.hex()[:32]}"
        return f"{same}_{self._given[same]}.eilbote"

    def _count(self, base: str) -> None:
        self._given[base.rpartition("_")[0]] += 1

    def _letters(self, mail: Leaving) -> str:
        """Letters for the mail's flags; a new keyword gets its letter first, in a file that lasts."""
        known = set(self._keywords.values())
        fresh = sorted(
            flag
            for flag in mail.flags
            if not has_letter(flag) and not flag.startswith("\\") and flag not in known
        )
        for flag in fresh[: len(KEYWORD_LETTERS) - len(self._keywords)]:
            free = next(letter for letter in KEYWORD_LETTERS if letter not in self._keywords)
            self._keywords[free] = flag
        if fresh and known != set(self._keywords.values()):
            self._observer("keywords")
            written = write_keywords(self._keywords).encode("utf-8", "surrogateescape")
            write_lasting(self.path / _KEYWORDS, written, by_way_of=self.path / "tmp" / _KEYWORDS)
        return letters_of(mail.flags, self._keywords)


def _relative(levels: Levels, layout: Layout) -> Path:
    if tuple(level.upper() for level in levels) == INBOX:
        return Path()
    if layout is Layout.PLUS:
        return Path(write_plus_name(levels))
    return Path(*(write_level(level, dots=False) for level in levels))
