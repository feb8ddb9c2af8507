"""What the web page costs: how soon a real `eilbote serve` answers with many mails, what a browser has to
load, and how much memory and processor it takes while people work.
"""

from __future__ import annotations

import gzip
import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import quote

from bench.measure import surroundings
from bench.search_times import queries
from bench.serving import Service, add_accounts
from bench.visiting import Visitor
from bench.words import sentences
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

_PATIENCE = 300.0
_WARM = 20
_PEOPLE = 5
_WATCHED_SECONDS = 20.0
_WORK_SECONDS = 30.0
_MAILS_EACH = 200
_ASSET = re.compile(r'(?:href|src)="(/assets/[^"]+)"')
_IMPORTED = re.compile(r'"(/assets/[^"]+)"')


@contextmanager
def page_served(home: Path, environment: dict[str, str]) -> Iterator[tuple[Service, Visitor]]:
    """`eilbote serve` with its page, and the first user in front of it."""
    service = Service(home, {**surroundings(), **environment}, "127.0.0.1:0")
    try:
        ends = time.monotonic() + _PATIENCE
        while not service.link:
            if time.monotonic() > ends or service.process.poll() is not None:
                raise TimeoutError("the page did not open")
            time.sleep(0.05)
        visitor = Visitor(service.link.partition("/link/")[0])
        visitor.begin(service.link)
        yield service, visitor
    finally:
        service.process.terminate()
        service.process.wait(_PATIENCE)


def answer_times(visitor: Visitor, count: int) -> dict[str, list[float]]:
    """Milliseconds of `count` requests of each kind."""
    chance = random.Random("pages")
    first = visitor.get("/inbox")
    boxes = sorted(set(re.findall(r'href="(/box/\d+)"', first)))
    mails = re.findall(r'href="(/inbox/\d+)', first)
    middle = visitor.get("/inbox?day=2022-06-15")
    marks = [f"/inbox?after={mark}" for mark in re.findall(r'data-at="([^"]+)"', middle)]
    far = [unescape(path) for path in re.findall(r'href="(/inbox/\d+[^"]*)"', middle)]
    assert boxes and mails and marks and far
    asked = queries()
    kinds: dict[str, Callable[[], str]] = {
        "first page": lambda: "/inbox",
        "another mailbox": lambda: chance.choice(boxes),
        "a mail with its conversation": lambda: chance.choice([*mails, *far]),
        "a page in the middle of the list": lambda: chance.choice(marks),
        "search": lambda: f"/search?q={quote(next(asked))}",
    }
    taken: dict[str, list[float]] = {}
    for kind, path in kinds.items():
        for number in itertools.count():
            visitor.get(path())
            if number >= _WARM:
                taken.setdefault(kind, []).append(visitor.seconds * 1_000)
            if number + 1 >= _WARM + count:
                break
    return taken


def first_load(visitor: Visitor) -> tuple[int, int, int]:
    """What a browser asks for to show the inbox for the first time: requests, bytes, and bytes as gzip would
    make them."""
    page = visitor.get("/inbox")
    wanted, loaded = dict.fromkeys(_ASSET.findall(page)), {"/inbox": page}
    while wanted:
        path, _ = wanted.popitem()
        loaded[path] = visitor.get(path)
        for name in _IMPORTED.findall(loaded[path]):
            if name not in loaded:
                wanted[name] = None
    data = [text.encode() for text in loaded.values()]
    return len(data), sum(map(len, data)), sum(len(gzip.compress(one)) for one in data)


def at_rest(service: Service, visitor: Visitor) -> tuple[float, float]:
    """The part of a core while nothing happens: with no stream of news open, and with five."""
    without = _share(service)
    for _ in range(_PEOPLE):
        visitor.listen()
    return without, _share(service)


def _share(service: Service) -> float:
    time.sleep(3.0)
    before = service.processor_seconds
    time.sleep(_WATCHED_SECONDS)
    return (service.processor_seconds - before) / _WATCHED_SECONDS


def memory_at_work(folder: Path, accounts: int) -> tuple[int, int, int]:
    """So many accounts over TLS, five people with streams of news who click without a pause: bytes of memory
    before and, at most, meanwhile; and how many pages they saw."""
    dovecot = Dovecot(DovecotOptions(connections=max(100, 5 * accounts)))
    try:
        for user in sorted(set(add_accounts(dovecot, folder, accounts))):
            dovecot.append(user, _letters())
        settings = {"EILBOTE_CONNECTIONS_PER_HOST": "1000", "EILBOTE_KEY_FILE": str(folder / "key")}
        with page_served(folder / "home", settings) as (service, first):
            service.wait_until_at_rest(accounts)
            time.sleep(3.0)
            before = most = service.memory
            people = [Visitor(first.address) for _ in range(_PEOPLE)]
            counts: list[int] = []
            ends = time.monotonic() + _WORK_SECONDS
            threads = [
                threading.Thread(target=lambda one=one: counts.append(_work(one, ends))) for one in people
            ]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                most = max(most, service.memory)
                time.sleep(0.2)
            assert len(counts) == _PEOPLE, "somebody saw no page"
            return before, most, sum(counts)
    finally:
        dovecot.remove()


def _letters() -> Iterator[bytes]:
    for number, said in enumerate(sentences("de", _MAILS_EACH)):
        head = (
            f"From: p{number % 40}@example.org\r\nSubject: {said[:60]}\r\nMessage-ID: <w{number}@example.org>"
        )
        yield f"{head}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{said} {said}\r\n".encode()


def _work(person: Visitor, ends: float) -> int:
    """Signs in and clicks through lists, mails and searches until then; how many pages came."""
    person.sign_in()
    person.listen()
    chance, pages = random.Random(id(person)), 0
    said = sentences("de", 100)
    while time.monotonic() < ends:
        page = person.get("/inbox")
        mail = chance.choice(re.findall(r'href="(/inbox/\d+)', page))
        box = chance.choice(re.findall(r'href="(/box/\d+)"', page))
        word = chance.choice(chance.choice(said).split()).strip(".?!,")
        for path in (mail, box, f"/search?q={quote(word)}", "/accounts", "/outbox", "/settings"):
            person.get(path)
        pages += 7
    return pages
