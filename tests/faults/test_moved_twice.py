"""A mail that somebody here moves while another client moves it elsewhere, and that is touched here
again in the very moment in which it lies in two mailboxes: the change feed tells of it as it tells of
any other, and the last act here decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.app import App
from eilbote.mail.mailbox import FLAGGED
from tests.faults.embedded import embedded
from tests.faults.invariants import Evidence, check_at_rest, i12_another_pass_changes_nothing
from tests.faults.outcome import rules
from tests.faults.story import Stored, mail_of, stored_mails

Deed = Callable[[App, int], object]
DEEDS: dict[str, tuple[Deed, str]] = {
    "nothing more": (lambda app, mail: None, "Archive"),
    "moved to where it turned up": (lambda app, mail: act.move(app, [mail], "Junk"), "Junk"),
    "moved on": (lambda app, mail: act.move(app, [mail], "INBOX", source="Archive"), "INBOX"),
    "thrown away": (lambda app, mail: act.delete(app, [mail]), "Trash"),
    "deleted": (lambda app, mail: act.delete(app, [mail], for_good=True), ""),
    "flagged": (lambda app, mail: act.change_flags(app, [mail], add=[FLAGGED]), "Archive"),
    "undone": (lambda app, mail: act.undo(app, [mail]), "INBOX"),
}


@pytest.mark.parametrize(
    ("deed", "store"), [*((deed, "") for deed in DEEDS), ("moved to where it turned up", "postgres")]
)
async def test_the_last_act_decides(
    deed: str, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(request.getfixturevalue("postgres_url")) if store else ""
    do, target = DEEDS[deed]
    async with embedded(tmp_path / "home", lying=True, store_url=url) as here:
        server, side = here.server.store, Stored(here.server.store)
        for box in ("Archive", "Junk", "Trash"):
            server.create(box)
        for number in (1, 2):
            side.append("INBOX", number)
        await here.sync()
        mail = here.ids()[1]
        act.move(here.app, [mail], "Archive")
        side.move("INBOX", 1, "Junk")
        met = False

        def meanwhile(answer: bytes, command: bytes) -> bytes:
            nonlocal met
            if not met and len(here.app.store.messages.places([mail])) == 2:
                met = True
                do(here.app, mail)
            return answer

        here.lie(meanwhile)
        await here.sync()
        assert met, "the mail lay in two mailboxes for a moment"
        here.lie()
        for _ in range(3):
            await here.sync()
        lies = [box for box, mails in stored_mails(server).items() if 1 in _numbers(mails)]
        assert lies == ([target] if target else [])
        arrived = Counter([mail_of(1), mail_of(2)])
        check_at_rest(Evidence(here.app, here.account, stored_mails(server), arrived=arrived))
        i12_another_pass_changes_nothing(await here.sync())
        assert set(rules(here)) <= {"move-follows-move", "flags-follow-move", "removed-on-server"}


async def test_what_another_client_copied_is_a_message_of_its_own(tmp_path: Path) -> None:
    """Moved here in the middle of a pass, just after another client had copied it: were the copy taken for
    the moved mail, whoever deletes the one would delete both."""
    async with embedded(tmp_path / "home", lying=True) as here:
        server, side = here.server.store, Stored(here.server.store)
        for box in ("Archive", "Junk"):
            server.create(box)
        side.append("INBOX", 1)
        await here.sync()
        mail = here.ids()[1]
        original = here.inbox.messages[1]
        server["Junk"].append(original.raw, original.flags, original.internal_date)
        met = False

        def meanwhile(answer: bytes, command: bytes) -> bytes:
            nonlocal met
            if not met and command.startswith(b'SELECT "Junk"'):
                met = True
                act.move(here.app, [mail], "Archive")
            return answer

        here.lie(meanwhile)
        await here.sync()
        here.lie()
        assert met
        assert here.ids("Archive") == {1: mail}
        assert here.ids("Junk") and mail not in here.ids("Junk").values()
        act.delete(here.app, [mail], for_good=True)
        await here.sync()
        assert {box: len(mails) for box, mails in stored_mails(server).items()} == {"Junk": 1}
        check_at_rest(
            Evidence(here.app, here.account, stored_mails(server), arrived=Counter({mail_of(1): 2}))
        )
        i12_another_pass_changes_nothing(await here.sync())


def _numbers(mails: dict[int, tuple[frozenset[str], bytes]]) -> set[int]:
    return {number for number in (1, 2) for _, raw in mails.values() if raw == mail_of(number)}
