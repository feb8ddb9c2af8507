"""The rows of the benchmark: one function for each kind of work.

Programs are compared within one round on one server, and the ratios' median counts; absolute times
belong to the machine and are shown for orientation.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import median, quantiles

import msgspec

from bench import setting as at
from bench.clients import Client, Eilbote
from bench.filtering import RULES, by_eilbote, by_pigeonhole, compiling, pigeonhole, script, write_maildir
from bench.mailboxes import Recipe, mails
from bench.measure import measure
from bench.report import Goal, Line, at_least_times, within_times
from bench.sending import CONNECTIONS, LATENCY, by, by_msmtp, chunking_sink, queueing, sink, slow_line
from bench.server import CACHE
from bench.serving import served
from bench.setting import Maker, Setting
from bench.web import answer_times, at_rest, first_load, memory_at_work, page_served

Row = Callable[[Setting], list[Line]]

_SLOW_MAILS = 1_000
"""OfflineIMAP gets this many; it needs minutes for more, at the same rate."""
_CHANGES = 100
_BYTES_A_MB = 1_000_000
_PEAK_MB = 150.0
_QUERIES = 400
_SEARCH_MS = 50.0
_REQUESTS = 500
_PAGE_MS = {
    "first page": 300.0,
    "another mailbox": 100.0,
    "a mail with its conversation": 100.0,
    "a page in the middle of the list": 300.0,
    "search": 150.0,
}


class _Rounds:
    """Seconds of each client in each round of first syncs of one recipe."""

    def __init__(self, setting: Setting, recipe: Recipe, makers: tuple[Maker, ...]) -> None:
        self.stored: list[float] = []
        self.complete: list[float] = []
        self.peers: dict[str, list[float]] = {}
        for _ in range(setting.rounds):
            for make in makers:
                client, run = setting.first_sync(make, recipe)
                if isinstance(client, Eilbote):
                    self.stored.append(client.last.stored_seconds)
                    self.complete.append(run.cost.seconds)
                else:
                    self.peers.setdefault(client.name, []).append(run.cost.seconds)

    def medians(self) -> dict[str, float]:
        own = {"Eilbote, stored": median(self.stored), "Eilbote, search complete": median(self.complete)}
        return own | {name: median(taken) for name, taken in self.peers.items()}


def first(setting: Setting) -> list[Line]:
    """First sync of the mailbox with large attachments."""
    recipe = setting.realistic
    rounds = _Rounds(setting, recipe, (at.eilbote, at.mbsync_fast, at.mbsync_safe, at.drain))
    values = rounds.medians()
    for make, count in ((at.imapclient, recipe.mails), (at.offlineimap, _SLOW_MAILS)):
        few = replace(recipe, mails=min(count, recipe.mails))
        client, run = setting.first_sync(make, few)
        scaled = "" if few == recipe else f" (scaled from {few.mails:,})"
        values[client.name + scaled] = run.cost.seconds * recipe.mails / few.mails
    fast, safe = rounds.peers["mbsync FSync no"], rounds.peers["mbsync FSync yes"]
    goals = (
        at_least_times("mbsync FSync no, stored", fast, rounds.stored, 1.5),
        at_least_times("mbsync FSync yes, stored", safe, rounds.stored, 15),
        at_least_times("mbsync FSync no, search complete", fast, rounds.complete, 1),
        within_times("the bare drain, search complete", rounds.peers["bare drain"], rounds.complete, 3),
    )
    return [Line(f"First sync of {recipe.mails:,} mails (median 7 KB, mean 59 KB)", "s", values, goals)]


def small(setting: Setting) -> list[Line]:
    """First sync of many small mails."""
    recipe = setting.small
    rounds = _Rounds(setting, recipe, (at.eilbote, at.mbsync_fast, at.drain))
    fast = rounds.peers["mbsync FSync no"]
    goals = (
        at_least_times("mbsync FSync no, stored", fast, rounds.stored, 1.5),
        at_least_times("mbsync FSync no, search complete", fast, rounds.complete, 0.5),
    )
    return [Line(f"First sync of {recipe.mails:,} small mails", "s", rounds.medians(), goals)]


def headers(setting: Setting) -> list[Line]:
    """Only the headers of many small mails."""
    recipe = setting.small
    rates = []
    for _ in range(setting.rounds):
        client, _ = setting.first_sync(at.eilbote_headers, recipe)
        rates.append(recipe.mails / client.last.stored_seconds)
    return [
        Line(
            f"Headers only of {recipe.mails:,} small mails",
            "mails/s",
            {"Eilbote": median(rates)},
            (Goal("at least 12,000 mails/s", median(rates), 12_000, "at least"),),
        )
    ]


def nothing(setting: Setting) -> list[Line]:
    """A pass over many mails of which none has changed."""
    recipe = setting.small
    clients = setting.in_sync((at.eilbote, at.mbsync_fast), recipe)
    times: dict[str, list[float]] = {client.name: [] for client in clients}
    for round_ in range(3 * setting.rounds):
        at.settle()
        for client in _taking_turns(clients, round_):
            times[client.name].append(client.sync().cost.seconds)
    return [
        Line(
            f"Nothing changed among {recipe.mails:,} mails, whole process",
            "s",
            {name: median(taken) for name, taken in times.items()},
            (at_least_times("mbsync FSync no", times["mbsync FSync no"], times["Eilbote"], 1),),
        )
    ]


def changes(setting: Setting) -> list[Line]:
    """New mails, changed flags and deletions, brought in by both in turn."""
    recipe = setting.realistic
    clients = setting.in_sync((at.eilbote, at.mbsync_fast), recipe)
    login = setting.login(recipe)
    times: dict[str, list[float]] = {client.name: [] for client in clients}
    fresh = Recipe("arriving", _CHANGES * 2 * setting.rounds, 7_000, 20_000)
    arriving = list(mails(fresh, first=recipe.mails))
    chance = random.Random(7)
    for round_ in range(2 * setting.rounds):
        batch = arriving[round_ * _CHANGES : (round_ + 1) * _CHANGES]
        with setting.server.session(login.user, login.password) as session:
            chosen = chance.sample(session.uids(), 2 * _CHANGES)
            flagged, deleted = (",".join(map(str, part)).encode() for part in (chosen[::2], chosen[1::2]))
            session.command(b"UID STORE " + flagged + b" +FLAGS.SILENT ($Changed)")
            session.command(b"UID STORE " + deleted + b" +FLAGS.SILENT (\\Deleted)")
            session.command(b"UID EXPUNGE " + deleted)
        setting.server.append(login.user, login.password, batch)
        at.settle()
        for client in _taking_turns(clients, round_):
            times[client.name].append(client.sync().cost.seconds)
            if client.count() != recipe.mails:
                raise AssertionError(f"{client.name} holds {client.count()} of {recipe.mails} mails")
    setting.forget(recipe)
    return [
        Line(
            f"{_CHANGES} new, {_CHANGES} flags, {_CHANGES} deleted among {recipe.mails:,}, taking turns",
            "s",
            {name: median(taken) for name, taken in times.items()},
            (at_least_times("mbsync FSync no", times["mbsync FSync no"], times["Eilbote"], 1),),
        )
    ]


def search(setting: Setting) -> list[Line]:
    """Full-text search over many mails, in a process that is open already and as a command."""
    recipe = setting.small
    (client,) = setting.in_sync((at.eilbote,), recipe)
    arguments = ["-m", "bench.search_times", str(client.home), str(_QUERIES)]
    run = measure([sys.executable, *arguments], environment=client.environment)
    taken = msgspec.json.decode(run.output, type=list[float])
    commands = [
        measure(client.command("search", word, "--json"), environment=client.environment).cost.seconds * 1_000
        for word in ("Rechnung", "invoice", "Garten")
    ]
    percentile = quantiles(taken, n=20)[-1]
    values = {
        "Eilbote, median": median(taken),
        "Eilbote, 95th percentile": percentile,
        "Eilbote, slowest": max(taken),
        "eilbote search as a whole process": median(commands),
    }
    goal = Goal("95th percentile at most 50 ms", percentile, _SEARCH_MS, "at most")
    return [Line(f"Search among {recipe.mails:,} mails, {len(taken)} queries", "ms", values, (goal,))]


def memory(setting: Setting) -> list[Line]:
    """The most memory a first sync ever had, at both sizes."""
    lines = []
    for recipe in (setting.realistic, setting.small):
        if ("Eilbote", recipe.name) not in setting.peaks:
            for make in (at.eilbote, at.mbsync_fast):
                setting.first_sync(make, recipe)
        peaks = {
            client: peak / _BYTES_A_MB
            for (client, name), peak in setting.peaks.items()
            if name == recipe.name
        }
        goal = Goal(f"at most {_PEAK_MB:.0f} MB", peaks["Eilbote"], _PEAK_MB, "at most")
        lines.append(
            Line(f"Peak memory, first sync of {recipe.mails:,} {recipe.name} mails", "MB", peaks, (goal,))
        )
    return lines


def serving(setting: Setting) -> list[Line]:
    """Many accounts over TLS in one `eilbote serve`: memory and processor time at rest, time of a push."""
    few, many = (5, 40) if setting.quick else (20, 200)
    base, _, _ = served(setting.folder(), few)
    memory, share, pushes = served(setting.folder(), many)
    each = (memory - base) / (many - few) / 1_000
    percentile = quantiles(pushes, n=20)[-1]
    values = {
        "memory of an account, kB": each,
        "memory of the process, MB": memory / _BYTES_A_MB,
        "processor, % of a core": 100 * share,
        "push to event, median, s": median(pushes),
        "push to event, 95th percentile, s": percentile,
    }
    goals = (
        Goal("at most 100 kB an account", each, 100.0, "at most"),
        Goal("at most 1 % of a core", 100 * share, 1.0, "at most"),
        Goal("95th percentile at most 1 s", percentile, 1.0, "at most"),
    )
    return [Line(f"{many} accounts at rest over TLS", "", values, goals)]


def sending(setting: Setting) -> list[Line]:
    """Mails into a sink: by Eilbote with its journal, by others without one; at once and on a slow line."""
    count = 400 if setting.quick else 2_000
    times: dict[str, list[float]] = {}
    msmtp, eilbote, aiosmtplib = "msmtp, a process a mail", "Eilbote", "aiosmtplib, 10 connections"
    with sink() as port:
        for _ in range(setting.rounds):
            for name, program, connections in (
                (eilbote, "eilbote", CONNECTIONS),
                ("Eilbote, one connection", "eilbote", 1),
                ("smtplib, one connection", "smtplib", 1),
                (aiosmtplib, "aiosmtplib", CONNECTIONS),
            ):
                cost = by(program, port, count, setting.folder(), connections)
                times.setdefault(name, []).append(cost.seconds)
            times.setdefault(msmtp, []).append(by_msmtp(port, count))
        pipelined = _on_a_slow_line(setting, port, count)
    with chunking_sink() as port:
        chunked = _on_a_slow_line(setting, port, count)
    rates = {name: count / median(taken) for name, taken in times.items()}
    late = f"with {LATENCY * 1_000:.0f} ms of latency, {CONNECTIONS} connections"
    lines = [
        Line(
            f"{count:,} mails of 8 KB into a sink, queued, delivered, recorded",
            "mails/s",
            rates,
            (
                at_least_times("msmtp", times[msmtp], times[eilbote], 5),
                at_least_times("aiosmtplib, which keeps no journal", times[aiosmtplib], times[eilbote], 0.5),
            ),
        )
    ]
    for taken, kind in ((pipelined, "PIPELINING alone"), (chunked, "CHUNKING too")):
        shown = {name: count / median(seconds) for name, seconds in taken.items()}
        goal = at_least_times("aiosmtplib", taken["aiosmtplib"], taken["Eilbote"], 4)
        lines.append(Line(f"the same {late}, a server with {kind}", "mails/s", shown, (goal,)))
    return lines


def _on_a_slow_line(setting: Setting, port: int, count: int) -> dict[str, list[float]]:
    """Seconds of each in each round."""
    times: dict[str, list[float]] = {}
    with slow_line(port) as far:
        for _ in range(setting.rounds):
            for name, program in (("Eilbote", "eilbote"), ("aiosmtplib", "aiosmtplib")):
                cost = by(program, far, count, setting.folder())
                times.setdefault(name, []).append(cost.seconds)
    return times


def queue(setting: Setting) -> list[Line]:
    """Queueing one mail: the engine alone, and the whole command; memory with many queued mails."""
    engine, whole = queueing(setting.folder())
    few, many = (1_000, 2_000) if setting.quick else (1_000, 10_000)
    with sink() as port:
        peaks = [
            by("eilbote", port, count, setting.folder()).peak_bytes / _BYTES_A_MB for count in (few, many)
        ]
    return [
        Line(
            "Queueing one mail of 8 KB",
            "ms",
            {"the engine, median": median(engine), "the whole command, median": median(whole)},
            (
                Goal("the engine at most 20 ms", median(engine), 20.0, "at most"),
                Goal("the whole command at most 250 ms", median(whole), 250.0, "at most"),
            ),
        ),
        Line(
            "Peak memory of sending",
            "MB",
            {f"{few:,} queued mails": peaks[0], f"{many:,} queued mails": peaks[1]},
            (Goal("flat: at most 10 MB more", peaks[1] - peaks[0], 10.0, "at most"),),
        ),
    ]


def web(setting: Setting) -> list[Line]:
    """The web page: how soon it answers with many mails, what it loads, and its memory while people work."""
    recipe = setting.small
    (client,) = setting.in_sync((at.eilbote,), recipe)
    with page_served(client.home, client.environment) as (service, visitor):
        taken = answer_times(visitor, 50 if setting.quick else _REQUESTS)
        requests, size, compressed = first_load(visitor)
        full = service.memory
        without, listening = at_rest(service, visitor)
    at_most = {kind: quantiles(times, n=20)[-1] for kind, times in taken.items()}
    goals = tuple(
        Goal(f"{kind} at most {ms} ms", at_most[kind], ms, "at most") for kind, ms in _PAGE_MS.items()
    )
    few = 5 if setting.quick else 20
    before, most, pages = memory_at_work(setting.folder(), few)
    return [
        Line(
            f"Pages among {recipe.mails:,} mails, 95th percentile of {len(taken['search'])}",
            "ms",
            at_most,
            goals,
        ),
        Line(
            "First load of the inbox",
            "kB",
            {f"{requests} requests, bytes": size / 1_000, "the same as gzip": compressed / 1_000},
            (Goal("at most 200 kB compressed", compressed / 1_000, 200.0, "at most"),),
        ),
        Line(
            "Processor while nothing happens",
            "% of a core",
            {"no page open": 100 * without, "5 pages open": 100 * listening},
        ),
        Line(
            f"Memory of serve with {few} accounts, 5 people clicking ({pages} pages)",
            "MB",
            {
                "before": before / _BYTES_A_MB,
                "at most meanwhile": most / _BYTES_A_MB,
                f"with {recipe.mails:,} mails, after the requests": full / _BYTES_A_MB,
            },
            (Goal("at most 250 MB", most / _BYTES_A_MB, 250.0, "at most"),),
        ),
    ]


def rules(setting: Setting) -> list[Line]:
    """A script of 100 rules over many mails, dry run: `sieve-filter` over a Maildir, ours over the store."""
    recipe = setting.realistic
    (client,) = setting.in_sync((at.eilbote,), recipe)
    maildir = write_maildir(CACHE / "maildir", recipe)
    lines = []
    peak = 0
    with pigeonhole() as peer:
        for kind, bodies, needed in (("fields alone", False, 1.0), ("a tenth of them bodies", True, 0.3)):
            text = script(RULES, bodies=bodies)
            by_pigeonhole(peer, text, maildir)  # Dovecot keeps what it has read of each mail's header
            times: dict[str, list[float]] = {"sieve-filter": [], "Eilbote": []}
            for _ in range(setting.rounds):
                times["sieve-filter"].append(by_pigeonhole(peer, text, maildir).seconds)
                cost = by_eilbote(client, text)
                times["Eilbote"].append(cost.seconds)
                peak = max(peak, cost.peak_bytes)
            lines.append(
                Line(
                    f"{RULES} rules that look at {kind}, over {recipe.mails:,} mails",
                    "s",
                    {name: median(taken) for name, taken in times.items()},
                    (at_least_times("sieve-filter", times["sieve-filter"], times["Eilbote"], needed),),
                )
            )
        own, theirs = compiling(peer, 10 * RULES)
    few = by_eilbote(client, script(RULES, bodies=True), "--search", "Rechnung").peak_bytes
    more = (peak - few) / _BYTES_A_MB
    return [
        *lines,
        Line(
            f"Compiling {10 * RULES:,} rules",
            "s",
            {"Eilbote": own, "sievec, whole process": theirs},
            (Goal("under a second", own, 1.0, "at most"),),
        ),
        Line(
            "Peak memory of trying rules",
            "MB",
            {"some mails": few / _BYTES_A_MB, f"{recipe.mails:,} mails": peak / _BYTES_A_MB},
            (Goal("flat: at most 20 MB more", more, 20.0, "at most"),),
        ),
    ]


def _taking_turns(clients: tuple[Client, ...], round_: int) -> tuple[Client, ...]:
    return clients if round_ % 2 == 0 else clients[::-1]


ROWS: dict[str, Row] = {
    "first": first,
    "small": small,
    "headers": headers,
    "nothing": nothing,
    "changes": changes,
    "search": search,
    "memory": memory,
    "serving": serving,
    "sending": sending,
    "queue": queue,
    "web": web,
    "rules": rules,
}
