"""The sample mailbox: some three hundred mails of the last thirteen months, in nine folders.

Deterministic in its two arguments: the time that "now" is, and a seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from eilbote.mail.mailbox import ANSWERED, DRAFT, FLAGGED, SEEN, SpecialUse
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.samples.attachments import invitation, pdf, png
from eilbote.testing.samples.people import OWNER, PEOPLE, Person
from eilbote.testing.samples.script import Line, Scene, scenes
from eilbote.testing.samples.writer import Attachment, Letter, Style, fitting, wrapped, write

FOLDERS: tuple[tuple[str, SpecialUse | None], ...] = (
    ("Gesendet", SpecialUse.SENT),
    ("Entwürfe", SpecialUse.DRAFTS),
    ("Papierkorb", SpecialUse.TRASH),
    ("Spam", SpecialUse.JUNK),
    ("Archiv", SpecialUse.ARCHIVE),
    ("Projekte/Umbau 2026", None),
    ("Rechnungen", None),
    ("Familie", None),
)
_DAY = 86400
_GERMAN_MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)
_ENGLISH_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MARKET = (
    "Feldsalat und Bergkäse",
    "Öffnungszeiten am Feiertag",
    "Rekord beim Kürbiswiegen",
    "Die ersten Erdbeeren",
    "Honig aus der Nachbarschaft",
    "Grünkohl, endlich",
    "Äpfel, die keiner mehr kennt",
)
_STYLES = (
    Style.UTF8_QUOTED,
    Style.UTF8_BASE64,
    Style.LATIN1,
    Style.WINDOWS,
    Style.UTF8_PLAIN,
    Style.UTF8_QUOTED,
)
_FORCED_STYLES = {"raw": Style.RAW, "latin": Style.LATIN1}


class Filed(Struct, frozen=True):
    """One mail, where it lies, and since when."""

    folder: str
    letter: Letter
    flags: frozenset[str]


def build_demo_mailbox(now: float, *, seed: int = 1, clock: Callable[[], float] | None = None) -> Mailstore:
    """The whole mailbox as it is at `now` (seconds since 1970).

    `clock` dates what arrives later; without it, time stands still.
    """
    store = Mailstore(now=clock or (lambda: now))
    for name, role in FOLDERS:
        store.create(name, role)
    store.subscribed |= {"INBOX", *(name for name, _ in FOLDERS)}
    for filed in sorted(
        sample_mails(now, seed=seed), key=lambda one: (one.letter.date, one.letter.message_id)
    ):
        store[filed.folder].append(write(filed.letter), filed.flags, filed.letter.date + 2)
    return store


def sample_mails(now: float, *, seed: int = 1) -> Iterator[Filed]:
    """Every mail before it is written, in no particular order."""
    for number, scene in enumerate(scenes()):
        for time in range(scene.times):
            start = now - (scene.days_ago - time * scene.every) * _DAY
            if start < now:
                yield from _Staging(scene, f"{seed}-{number}-{time}", time, start, now).mails()


class _Staging:
    """One scene played once: names, dates, numbers and encodings chosen."""

    def __init__(self, scene: Scene, key: str, time: int, start: float, now: float) -> None:
        self._scene = scene
        self._key = key
        self._time = time
        self._now = now
        self._start = _at_hour(start, 7 + self._dice("hour", 13), self._dice("minute", 60))
        self._cast = [PEOPLE[line.speaker] for line in scene.lines]
        self._style = _STYLES[self._dice("style", len(_STYLES))]

    def mails(self) -> Iterator[Filed]:
        before: Letter | None = None
        references: tuple[str, ...] = ()
        date = self._start
        last = len(self._scene.lines) - 1
        for index, line in enumerate(self._scene.lines):
            date = min(date, self._now - 900 * (last - index + 1))
            letter = self._letter(index, line, date, references, before)
            following = self._scene.lines[index + 1].speaker if index < last else ""
            yield Filed(self._folder(line), letter, self._flags(line, letter, following))
            references = (*references, letter.message_id)
            before = letter
            date = _awake(date + 60 * (40 + self._dice(f"pause{index}", 1200)))

    def _letter(
        self, index: int, line: Line, date: float, references: tuple[str, ...], before: Letter | None
    ) -> Letter:
        sender = PEOPLE[line.speaker]
        subject = self._filled(self._scene.subject, date, sender)
        if references and not subject.startswith("Re: "):
            subject = f"{'AW' if sender.german and self._dice(f're{index}', 3) == 0 else 'Re'}: {subject}"
        text = self._filled(line.wordings[self._time % len(line.wordings)], date, sender)
        if before is not None and self._dice(f"quote{index}", 4):
            text += "\n\n" + _quoted(before, sender)
        options = self._scene.options
        style = _FORCED_STYLES.get(options.get("charset", ""), self._style)
        domain = sender.address.partition("@")[2]
        letter = Letter(
            sender=sender,
            to=self._listeners(line, sender),
            subject=subject,
            text=text,
            date=date,
            message_id=f"{self._digest(f'id{index}')[:20]}@{domain}",
            style=style if style is Style.RAW else fitting(style, text),
            references=references,
            rich="html" in options or "inline" in options,
            headers=self._headers(sender),
        )
        return self._with_extras(letter, index)

    def _with_extras(self, letter: Letter, index: int) -> Letter:
        options = self._scene.options
        files: list[Attachment] = []
        if "pdf" in options and index == 0:
            name = self._filled(options["pdf"], letter.date, letter.sender)
            shown = [letter.sender.name, letter.subject, "", *letter.text.split("\n")[:12]]
            files.append(Attachment(name, "application/pdf", pdf(shown)))
        if "inline" in options:
            colour = [60 + self._dice(f"colour{one}", 180) for one in range(3)]
            content_id = f"bild{self._digest('cid')[:8]}@{letter.sender.address.partition('@')[2]}"
            files.append(Attachment("bild.png", "image/png", png(*colour), content_id))
        if "ics" in options:
            made = invitation(
                letter.message_id, letter.subject, letter.date, letter.sender.address, OWNER.address
            )
            letter = replace(letter, calendar=made)
        if "bounce" in options:
            gerda = Person("Tante Gerda", "gerda.lindner@example.org")
            lost = replace(
                letter,
                sender=OWNER,
                to=(gerda,),
                subject="Fotos von Omas Geburtstag",
                text="Liebe Gerda,\n\nanbei die Bilder vom Sonntag.\n\nHanna",
                message_id=f"{self._digest('lost')[:20]}@example.de",
                date=letter.date - 90,
            )
            letter = replace(letter, returned=write(lost))
        return replace(letter, attachments=tuple(files))

    def _headers(self, sender: Person) -> dict[str, str]:
        options, host = self._scene.options, sender.address.partition("@")[2]
        headers: dict[str, str] = {}
        if name := options.get("list"):
            headers["List-Id"] = f"<{name}.lists.example.org>"
            headers["List-Post"] = f"<mailto:{name}@lists.example.org>"
            headers["List-Unsubscribe"] = f"<mailto:{name}-leave@lists.example.org>"
            headers["Precedence"] = "list"
        if "unsubscribe" in options:
            headers["List-Unsubscribe"] = f"<https://{host}/u/{self._digest('unsubscribe')[:12]}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        if "spam" in options:
            headers["X-Spam-Flag"] = "YES"
            headers["X-Spam-Score"] = f"{6 + self._dice('score', 80) / 10:.1f}"
        if "bounce" in options:
            headers["Auto-Submitted"] = "auto-replied"
        return headers

    def _folder(self, line: Line) -> str:
        if line.speaker == "me" and self._scene.folder != "Entwürfe":
            return "Gesendet"
        return self._scene.folder

    def _listeners(self, line: Line, sender: Person) -> tuple[Person, ...]:
        if line.listener:
            return (PEOPLE[line.listener],)
        if name := self._scene.options.get("list"):
            return (Person(name.title(), f"{name}@lists.example.org"),)
        if sender is not OWNER:
            return (OWNER,)
        return tuple(dict.fromkeys(person for person in self._cast if person is not OWNER))

    def _flags(self, line: Line, letter: Letter, following: str) -> frozenset[str]:
        age = (self._now - letter.date) / _DAY
        flags: set[str] = set()
        if self._scene.folder == "Entwürfe":
            flags |= {DRAFT, SEEN}
        elif line.speaker == "me" or (self._scene.folder == "Spam" and age > 50):
            flags.add(SEEN)
        elif self._scene.folder != "Spam":
            read = age > 4 and self._dice(f"read{letter.message_id}", 8) > 0
            flags |= {SEEN} if read or following == "me" else set()
        if following == "me" and line.speaker != "me":
            flags.add(ANSWERED)
        if self._scene.folder == "Spam":
            flags.add("$Junk")
        elif self._dice(f"star{letter.message_id}", 17) == 0:
            flags.add(FLAGGED)
        elif self._dice(f"forward{letter.message_id}", 40) == 0:
            flags.add("$Forwarded")
        return frozenset(flags)

    def _filled(self, text: str, date: float, sender: Person) -> str:
        if "{" not in text:
            return text
        when = datetime.fromtimestamp(date, UTC)
        month = (_GERMAN_MONTHS if sender.german else _ENGLISH_MONTHS)[when.month - 1]
        cents = 900 + self._dice("amount", 24000)
        mark = "," if sender.german else "."
        return text.format(
            nr=f"{when:%Y%m}{self._dice('nr', 900) + 100}",
            amount=f"{cents // 100}{mark}{cents % 100:02d}",
            month=f"{month} {when.year}",
            code=self._digest("code")[:12].upper(),
            pin=f"{self._dice('pin', 900000) + 100000}",
            item=_MARKET[self._time % len(_MARKET)],
        )

    def _digest(self, label: str) -> str:
        return hashlib.sha256(f"{self._key}/{label}".encode()).hexdigest()

    def _dice(self, label: str, sides: int) -> int:
        """0 to sides-1, always the same for the same label."""
        return int(self._digest(label)[:8], 16) % sides


def _at_hour(moment: float, hour: int, minute: int) -> float:
    day = datetime.fromtimestamp(moment, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day + timedelta(hours=hour, minutes=minute)).timestamp()


def _awake(moment: float) -> float:
    """The same moment, or the next morning if it is night."""
    hour = datetime.fromtimestamp(moment, UTC).hour
    return moment + 9 * 3600 if hour >= 21 or hour < 5 else moment


def _quoted(before: Letter, reader: Person) -> str:
    """The mail that is answered, as mail programs quote it."""
    when = datetime.fromtimestamp(before.date, UTC)
    if reader.german:
        month = _GERMAN_MONTHS[when.month - 1]
        intro = f"Am {when.day}. {month} {when.year} um {when:%H:%M} schrieb {before.sender.name}:"
    else:
        intro = f"On {when.day} {_ENGLISH_MONTHS[when.month - 1]} {when.year}, {before.sender.name} wrote:"
    lines = wrapped(before.text).splitlines()
    return intro + "\n" + "\n".join(f">{line}" if line[:1] in ("", ">") else f"> {line}" for line in lines)
