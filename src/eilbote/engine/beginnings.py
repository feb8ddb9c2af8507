"""How the text of each mail begins, as the line below its subject in a list. Mail never changes, so what
was read once is remembered, within bounds. Never waits for a server.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from eilbote.engine.app import App
from eilbote.mail.text import preview, searchable_text
from eilbote.store.values import Placement

_LARGEST = 512 * 1024
"""Bytes of a mail that is read for this: larger ones, few, would hold up a list."""

_READ = 8_000
"""Characters of a text that its beginning is looked for in."""

_REMEMBERED = 20_000
"""Beginnings that are remembered, about 300 bytes each."""


class Beginnings:
    """Those of one home; asked by several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, app: App, mails: Sequence[Placement]) -> dict[int, str]:
        """The beginning of each mail by its id; empty where it has no text, or it is not here."""
        with self._lock:
            told = {one.id: self._known[one.sha256] for one in mails if one.sha256 in self._known}
        asked = {one.id: one for one in mails if one.id not in told and one.size <= _LARGEST}
        for id_, raw in app.store.messages.stream_raw(asked, checked=False):
            told[id_] = preview(searchable_text(raw, _READ, asked[id_].envelope).body)
        with self._lock:
            self._known.update((asked[id_].sha256, told[id_]) for id_ in asked if id_ in told)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return {one.id: told.get(one.id, "") for one in mails}
