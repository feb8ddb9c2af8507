"""A pass that finds nothing to do costs three round trips at most, however many mailboxes there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail, world
from tests.faults.embedded import embedded
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

MAILBOXES = [f"Ordner {number}" for number in range(20)]
LOGIN = 1
"""Round trips until a session is logged in, where the server takes the first answer with the command."""


HIDDEN: list[set[str]] = [set(), {"LIST-STATUS"}, {"LIST-STATUS", "LIST-EXTENDED", "QRESYNC"}]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_on_dovecot(
    dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path, hidden: set[str]
) -> None:
    with world(dovecot_like(DovecotOptions(hidden=frozenset(hidden))), tmp_path / "home") as made:
        with made.server.imap(made.user) as client:
            for name in MAILBOXES:
                client.create(f'"{name}"')
                client.append(f'"{name}"', "", "", mail(hash(name) % 1000))
        assert made.sync().new == 20
        made.sync()
        report = made.sync()
        assert report.round_trips - LOGIN <= 3
        made.assert_same()


@pytest.mark.parametrize("without", HIDDEN)
async def test_on_the_embedded_server(tmp_path: Path, without: set[str]) -> None:
    behaviour = Behaviour().without(*without)
    if "LIST-EXTENDED" in without:  # IMAP4rev2 brings it without naming it
        behaviour = behaviour.without("IMAP4rev2")
    async with embedded(tmp_path / "home", behaviour) as made:
        for number, name in enumerate(MAILBOXES):
            made.server.store.create(name).append(mail(number))
        assert (await made.sync()).new == 20
        await made.sync()
        report = await made.sync()
        assert report.round_trips - LOGIN <= 3
        assert all(one.ok for one in await made.verify())
