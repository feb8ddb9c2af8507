"""What was gathered in one run, to be kept in a file and judged again, or to be given to somebody else.

A transcript holds no secret in the first place. What is shared holds no address, no name of a private
domain and nothing of a mail either: `shared` sees to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from eilbote.diagnosis.certificates import is_interceptor
from eilbote.diagnosis.checks.box import SENT_NAMES
from eilbote.diagnosis.domain.sharing import DomainHiding
from eilbote.diagnosis.evidence import Evidence, Searched, SettingsFile, Target
from eilbote.diagnosis.ladder import climb
from eilbote.diagnosis.probes import (
    AskNameServer,
    Converse,
    FetchPolicy,
    FetchSettings,
    LookUp,
    Probe,
    TryRelay,
)
from eilbote.diagnosis.values import Report
from eilbote.errors import Misused
from eilbote.mail.domain import domain_for_wire
from eilbote.providers.outgoing import rows as outgoing_rows
from eilbote.providers.table import providers

VERSION = 1
_MOST_BYTES = 8 << 20
_ADDRESS = re.compile(r"[\w.+\-=!#$%&'*/?^`{|}~]{1,64}@[\w.\-\[\]:]{1,255}")
_NUMBER = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\b", re.IGNORECASE)
_SHORTEST_NAME = 3
_COMMON = frozenset(
    [
        *("info", "mail", "email", "post", "user", "admin", "office", "kontakt", "contact", "login", "test"),
        *(
            "server",
            "imap",
            "smtp",
            "pop",
            "pop3",
            "account",
            "password",
            "postmaster",
            "webmaster",
            "support",
        ),
        *("service", "spam", "system", "limit", "rate", "buero", "bad", "bye", "auth", "failed", "message"),
    ]
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")


class Step(Struct, frozen=True):
    """A probe and what came back."""

    probe: Probe
    evidence: Evidence


class Transcript(Struct, frozen=True):
    """One run: its target, and every probe in the order in which it was asked for."""

    target: Target
    steps: tuple[Step, ...] = ()
    version: int = VERSION


def written(transcript: Transcript) -> bytes:
    """As JSON in lines that a person can read."""
    return msgspec.json.format(msgspec.json.encode(transcript), indent=1) + b"\n"


def read_transcript(data: bytes) -> Transcript:
    """Misused `doctor.bad_transcript` for what is none, `doctor.newer_transcript` for one of a newer
    version."""
    if len(data) > _MOST_BYTES:
        raise Misused("doctor.bad_transcript", reason=f"> {_MOST_BYTES >> 20} MiB")
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version > VERSION:  # what it holds may have no name here yet
            raise Misused("doctor.newer_transcript", version=version)
        return msgspec.json.decode(data, type=Transcript)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise Misused("doctor.bad_transcript", reason=str(failure)[:200]) from None


class _Versioned(Struct):
    """What every version of a transcript says of itself."""

    version: Annotated[int, Meta(ge=1, le=1_000_000)] = VERSION


def judge_again(transcript: Transcript) -> Report:
    """The report of a run out of its transcript. Misused `doctor.bad_transcript` where the ladder asks for
    something that was not looked at."""
    known: dict[Probe, list[Evidence]] = {}
    for step in transcript.steps:
        known.setdefault(step.probe, []).append(step.evidence)
    ladder = climb(transcript.target)
    try:
        probes = next(ladder)
        while True:
            probes = ladder.send([_taken(known, probe) for probe in probes])
    except StopIteration as end:
        report: Report = end.value
        return report


def _taken(known: Mapping[Probe, list[Evidence]], probe: Probe) -> Evidence:
    left = known.get(probe)
    if not left:
        raise Misused("doctor.bad_transcript", reason=f"{type(probe).__name__}?")
    return left.pop(0) if len(left) > 1 else left[0]


# --- sharing -----------------------------------------------------------------------------------------


def shared(transcript: Transcript) -> Transcript:
    """The same without anything that says whose it is: addresses, user names, private hosts and domains,
    numeric addresses, fingerprints that are pinned, names of mailboxes. Hosts of providers that the table
    knows stay: they are what the diagnosis is about. The verdict stays the same."""
    hide = _Hiding(transcript)
    own = transcript.target.domain
    data = msgspec.to_builtins(transcript)
    if own is None:
        return msgspec.convert(_changed(data, hide), Transcript)
    hide_domain = DomainHiding(own.name, _public_names() | _public_lists())
    of_domain = [_is_of_domain(one.probe, transcript.target) for one in transcript.steps]
    steps = data.pop("steps")
    domain = hide_domain.hidden(data["target"].pop("domain"))
    changed = _changed(data, hide)
    changed["target"]["domain"] = domain
    if "@" not in transcript.target.address:
        changed["target"]["address"] = domain["name"]
    changed["steps"] = [
        hide_domain.hidden(step) if mine else _changed(step, hide)
        for step, mine in zip(steps, of_domain, strict=True)
    ]
    return msgspec.convert(changed, Transcript)


def _is_of_domain(probe: Probe, target: Target) -> bool:
    """The records of the domain, and the servers that its mail is given to."""
    match probe:
        case LookUp() | FetchPolicy() | FetchSettings() | TryRelay() | AskNameServer():
            return True
        case Converse(place):
            return place not in target.places
        case _:
            return False


def _public_lists() -> frozenset[str]:
    """Names that stand in the records of many."""
    included = {name for row in outgoing_rows() for name in row.includes}
    servers = {name for provider in providers() for name in provider.mx}
    return frozenset(included | servers | {"spamhaus.org", "manitu.net"})


def is_common(name: str) -> bool:
    """A user name that names nobody, and may stand in any sentence of a server."""
    return len(name) < _SHORTEST_NAME or name.lower() in _COMMON


class _Hiding:
    """Each name gets the same stand-in wherever it occurs."""

    def __init__(self, transcript: Transcript) -> None:
        target = transcript.target
        local, _, domain = target.address.rpartition("@")
        wire = domain_for_wire(domain)
        public = _public_names()
        names = {one: "user" for one in (local, target.user) if not is_common(one)}
        if domain.lower() in public or target.meant:
            names[target.address] = f"user@{domain}"  # of a large provider, or meant so: nobody's own
        else:
            names |= {target.address: "user@example.org", domain: "example.org", wire: "example.org"}
        if "@" in target.user and target.user.lower() != target.address.lower():
            names[target.user] = "other@example.org"  # somebody else's name, and seen to be
        self._stand_ins = set(names.values())
        if target.second:
            names[target.second] = "second@example.net"
            elsewhere = target.second.rpartition("@")[2].lower()
            if elsewhere not in public:
                names.setdefault(elsewhere, "example.net")
        for at, one in enumerate(target.identities):
            names[one] = f"identity{at}@example.org"
        searched = (one.evidence for one in transcript.steps if isinstance(one.evidence, Searched))
        named = [one.place.host for evidence in searched for one in evidence.named]
        published = (one.evidence for one in transcript.steps if isinstance(one.evidence, SettingsFile))
        named += [one.host for evidence in published for one in evidence.places]
        hosts = [*(place.host for place in target.places), *target.others, *named]
        known = {*public, "localhost", domain.lower(), wire}
        for at, host in enumerate(dict.fromkeys(hosts), 1):
            if host.lower() not in known and not _NUMBER.fullmatch(host):
                names[host] = f"host{at}.example.org"
                # Other machines of the same owner may be named in greetings.
                parent = ".".join(host.split(".")[-2:])
                if "." in parent and parent.lower() not in public:
                    names.setdefault(parent, "example.org")
        self._numbers: dict[str, str] = {}
        self._authorities: dict[str, str] = {}
        self._certified: dict[str, str] = {}
        self._names = {name.lower(): stand for name, stand in names.items() if name}
        words = "|".join(re.escape(word) for word in sorted(self._names, key=len, reverse=True))
        # A name below one that is hidden is hidden with it.
        self._pattern = re.compile(rf"(?<![\w@.-])((?:[\w-]+\.)*)({words})(?![\w@-])", re.IGNORECASE)
        self._public = public

    def __call__(self, text: str) -> str:
        text = self._pattern.sub(self._stand_in, text)
        text = _ADDRESS.sub(
            lambda found: found[0] if found[0] in self._stand_ins else "someone@example.org", text
        )
        text = _NUMBER.sub(self._number, text)
        return _BASE64.sub("…", text)

    def _stand_in(self, found: re.Match[str]) -> str:
        whole = self._names.get(found[0].lower())
        if whole is not None:
            return whole
        stand = self._names.get(found[2].lower())
        if stand is None:  # letters that are alike in a pattern alone, as the sign of Kelvin and k
            return "…"
        return f"host.{stand}" if "." in stand and "@" not in stand else stand

    def _number(self, found: re.Match[str]) -> str:
        try:
            number = ip_address(found[0])
        except ValueError:
            return found[0]  # a time of day looks alike
        if number.is_loopback or number.is_unspecified:
            return found[0]
        count = len(self._numbers) + 1
        stand = f"2001:db8::{count:x}" if number.version == 6 else f"192.0.2.{(count - 1) % 250 + 1}"
        return self._numbers.setdefault(found[0], stand)

    def authority(self, name: str) -> str:
        """A name in a certificate; that of a program which opens lines is what the diagnosis is about."""
        if is_interceptor(name):
            return name
        return self._authorities.setdefault(name, f"CN=authority {len(self._authorities) + 1}")

    def certified(self, name: str) -> str:
        """A host that a certificate is for."""
        host = name.removeprefix("*.").lower()
        if host in self._public or host == "localhost" or "." not in host:
            return name
        known = self(name)
        if known != name or _NUMBER.fullmatch(name):
            return known
        return self._certified.setdefault(name, f"name{len(self._certified) + 1}.example.net")


def _public_names() -> frozenset[str]:
    names: set[str] = set()
    for provider in providers():
        names |= {one.lower() for one in (*provider.domains, *provider.hosts)}
        names |= {
            one.host.lower() for one in (provider.imap, provider.smtp, provider.pop3) if one is not None
        }
    return frozenset(names)


def _changed(value: Any, hide: _Hiding, key: str = "") -> Any:
    match value:
        case str():
            return (
                hide(value)
                if key not in ("protocol", "security", "outcome", "tag", "type", "role")
                else value
            )
        case dict():
            return {name: _of_key(name, inner, hide) for name, inner in value.items()}
        case list() | tuple():
            return [_changed(one, hide, key) for one in value]
        case _:
            return value


def _of_key(name: str, value: Any, hide: _Hiding) -> Any:
    hidden: Mapping[str, Callable[[Any], Any]] = {
        # Lines of the dialogue may name mailboxes; what was judged of them stands in the other fields.
        "said": _only_answers(hide),
        "folders": lambda folders: [{**one, "name": _folder_name(one, at)} for at, one in enumerate(folders)],
        "subject": hide.authority,
        "issuer": hide.authority,
        "signatures": lambda found: (
            found and [{**one, "domain": hide.certified(one["domain"])} for one in found]
        ),
        "names": lambda names: [hide.certified(one) for one in names],
        "fingerprint": lambda text: text[:8] if isinstance(text, str) else text,
        "trusted": lambda prints: [one[:8] for one in prints],
    }
    if name in hidden:
        return hidden[name](value)
    return _changed(value, hide, name)


_PLAIN_FOLDERS = ("inbox", "drafts", "junk", "trash", "archive", *SENT_NAMES)


def _folder_name(folder: Mapping[str, Any], at: int) -> str:
    """Of a mailbox only the last part is told, where everybody's is called so."""
    name = str(folder.get("name", ""))
    last = name.rpartition("/")[2].rpartition(".")[2]
    if last.lower() not in _PLAIN_FOLDERS:
        return f"mailbox {at}"
    return name if name == last else f"mailbox {at}/{last}"


def _only_answers(hide: _Hiding) -> Callable[[Sequence[str]], list[str]]:
    """Of a dialogue only status lines of the server are shared: they are what is judged."""
    status = re.compile(
        r"^< (\S+ (OK|NO|BAD|BYE|PREAUTH)\b|\d{3}[ -]|\+OK|-ERR|\* CAPABILITY)", re.IGNORECASE
    )
    return lambda lines: [hide(one) for one in lines if status.match(one)]
