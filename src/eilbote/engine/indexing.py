"""Makes stored mail searchable, batch by batch; run as a program, in a process of its own.

A batch is one transaction of the index together with how far it reaches, so that a kill at any
point repeats at most one batch. As a program it is told on its standard input which home (one line
of JSON), then up to which message the store is committed (`N`, one a line; `N!`: and no more will
come, so do not wait for a full batch). It answers with the number up to which all is searchable,
and ends when its input ends: it never outlives its parent.
"""

from __future__ import annotations

import gc
import json
import os
import select
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from eilbote.errors import EilboteError, Gone
from eilbote.mail.envelope import Address
from eilbote.mail.skeleton import has_only_header
from eilbote.mail.text import searchable_text
from eilbote.search.values import Document
from eilbote.store import Store
from eilbote.store.search import Covered, Pending

MAILS = 4_000
"""Mails of one batch at most."""

CHARACTERS = 8 * 1024 * 1024
"""A batch ends when its text is longer than this, whatever the number of mails: memory is bounded."""

WORTH_A_BATCH = 1_000
"""Every batch becomes a segment of the index, so the program waits for so many mails."""

_TEXT_LIMIT = 256 * 1024  # characters of one mail's body that are searchable
_INPUT = 0
_POLITE = 10
"""On few cores what fetches and stores goes first: mail on disk is safe, search can follow."""

_UNTIDY = 100_000
"""Objects made before cycles are looked for: a batch has tens of thousands and next to no cycles."""


def index_batch(store: Store, covered: Covered) -> Covered:
    """Makes the next mails searchable; returns how far it is then: unchanged if nothing waits."""
    pending, reached = store.search.pending(covered, MAILS)
    if not pending and reached == covered:
        return covered
    documents: list[Document] = []
    size = 0
    for document in _documents(store, pending, covered.message):
        documents.append(document)
        size += len(document.body)
        if size > CHARACTERS and document.message > covered.message:
            reached = Covered(document.message, reached.content)
            break
    store.search.add(documents, reached)
    return reached


def index_all(store: Store) -> None:
    """Makes everything stored searchable, in this process."""
    covered = store.search.covered()
    while (reached := index_batch(store, covered)) != covered:
        covered = reached
    store.search.many_to_come(False)  # a first sync that was killed has left it on


def document_of(pending: Pending, raw: bytes) -> Document:
    """What the index holds of a mail. Without its bytes (`raw` empty) that is its envelope."""
    envelope = pending.envelope
    text = searchable_text(raw, _TEXT_LIMIT, envelope)
    return Document(
        message=pending.message,
        account=pending.account,
        date=pending.date,
        size=pending.size,
        attachments=envelope.attachments,
        subject=envelope.subject,
        sender=_people(envelope.sender),
        recipient=_people(envelope.to),
        copied=_people(envelope.cc),
        body=text.body,
        file=text.attachments,
    )


def _people(addresses: Iterable[Address]) -> str:
    return "\n".join(f"{one.name} {one.spec}" for one in addresses)


def _documents(store: Store, pending: Sequence[Pending], indexed: int) -> Iterator[Document]:
    """What is pending, read; by its envelope alone where its bytes are lost or damaged, which
    `verify` reports. A mail up to number `indexed` of which only the header is here now stays as it
    was indexed when more of it was. Holds the bytes of one mail at a time."""
    waiting = {one.message: one for one in pending}
    try:
        for message, raw in store.messages.stream_raw(list(waiting), checked=False):
            one = waiting.pop(message)
            if message <= indexed and one.size > len(raw) and has_only_header(raw):
                continue
            document = document_of(one, raw)
            del raw
            yield document
    except Gone:
        for one in waiting.values():
            yield document_of(one, _body(store, one.message))


def _body(store: Store, message: int) -> bytes:
    try:
        return store.messages.raw(message)
    except Gone:
        return b""


class _Lines:
    """The lines of standard input, as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self.ended = False

    def wait(self, seconds: float | None) -> list[str]:
        """Waits so long (None: until there is one or the end) and gives the lines that are there."""
        while not self.ended and select.select([_INPUT], [], [], seconds)[0]:
            data = os.read(_INPUT, 65_536)
            self.ended = not data
            *lines, self._rest = (self._rest + data).split(b"\n")
            if lines:
                return [line.decode("ascii") for line in lines]
        return []


def main() -> None:
    """The program; see above. Ends with status 1 at a problem of the store."""
    lines = _Lines()
    given = lines.wait(None)
    if not given:
        return
    home = json.loads(given[0])
    os.nice(_POLITE)
    gc.freeze()
    gc.set_threshold(_UNTIDY)
    try:
        with Store.open(Path(home["home"]), home["url"] or None) as store:
            _serve(store, lines, given[1:])
    except EilboteError:
        sys.exit(1)  # the parent does what is left, and meets the same problem if it is still there


def _serve(store: Store, lines: _Lines, given: list[str]) -> None:
    store.search.many_to_come(True)
    try:
        covered = store.search.covered()
        committed, last = 0, False
        while not lines.ended:
            for line in given:
                committed, last = int(line.rstrip("!")), line.endswith("!")
            waiting = committed - covered.message
            busy = waiting >= WORTH_A_BATCH or (last and waiting > 0)
            if busy:
                covered = index_batch(store, covered)
            _say(str(covered.message))
            given = lines.wait(0.0 if busy else None)
    finally:
        store.search.many_to_come(False)


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # the parent is gone; the end of the input says so too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
