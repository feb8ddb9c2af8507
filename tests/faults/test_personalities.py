"""Every kind of server that the field reports, in both directions, with `verify`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox
from eilbote.mail.mailbox import FLAGGED, SEEN, SpecialUse
from eilbote.protocols.imap.quirks import QUIRKS
from eilbote.testing.imap.personalities import BY_NAME, PERSONALITIES, Personality
from tests.engine.world import mail
from tests.faults.played import all_there, everything, played, role, settled

everybody = pytest.mark.parametrize("kind", PERSONALITIES, ids=lambda one: one.name)


ON_POSTGRES = ("icloud", "courier", "proton-bridge")  # the store knows nothing of kinds


@pytest.mark.parametrize(
    ("kind", "store"),
    [(one, "sqlite") for one in PERSONALITIES if not one.labels]
    + [(BY_NAME[name], "postgres") for name in ON_POSTGRES],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
async def test_everything_in_both_directions(
    kind: Personality, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async with played(tmp_path / "home", kind, store_url=url) as here:
        for number in range(1, 13):
            here.inbox.append(mail(number), ["\\Seen"] if number % 2 else [])
        assert (await here.sync()).new == 12
        await settled(here)
        assert everything(here) == all_there(here)
        # here
        ids = here.ids()
        act.change_flags(here.app, [ids[1]], add=[FLAGGED, "wichtig"], remove=[SEEN])
        act.archive(here.app, [ids[2]])
        act.junk(here.app, [ids[3]])
        act.delete(here.app, [ids[4]])
        act.delete(here.app, [ids[5]], for_good=True)
        act.copy(here.app, [ids[6]], role(here, SpecialUse.ARCHIVE))
        act.append(here.app, here.account, role(here, SpecialUse.DRAFTS), mail(40).rstrip())
        create_mailbox(here.app, here.account, "Projekte")
        act.move(here.app, [ids[7]], "Projekte")
        # and there
        here.inbox.set_flags(8, [FLAGGED])
        here.inbox.expunge([9])
        here.inbox.append(mail(13))
        here.server.store[role(here, SpecialUse.SENT)].append(mail(14), ["\\Seen"])
        for _ in range(3):
            await here.sync()
        await settled(here)
        assert everything(here) == all_there(here)
        there = {box: len(mails) for box, mails in all_there(here).items()}
        leftover = 0 if kind.behaviour.has("UIDPLUS") else 5  # marked as deleted only (museum M14)
        assert there["INBOX"] == 7 + leftover
        assert there[role(here, SpecialUse.ARCHIVE)] == 2
        assert there[role(here, SpecialUse.JUNK)] == 1
        assert there[role(here, SpecialUse.TRASH)] == 1
        assert there[role(here, SpecialUse.DRAFTS)] == 1
        assert sum("Projekte" in name for name in there) == 1
        assert here.inbox.messages[1].flags == {FLAGGED, "wichtig"}
        said = {name for session in here.server.sessions for name in session.commands}
        searched = [line for line in here.between.commands if line.startswith(b"UID SEARCH")]  # type: ignore[union-attr]
        assert not [line for line in searched if b"HEADER" in line]
        assert not said & {"EXPUNGE", "CLOSE", "SORT", "UID SORT", "THREAD", "UID THREAD", "FETCH", "STORE"}


@everybody
async def test_id_is_said_before_select_and_never_empty(kind: Personality, tmp_path: Path) -> None:
    """Coremail: `Unsafe Login` without it; Exchange and Nemesis refuse `ID ()`."""
    async with played(tmp_path / "home", kind) as here:
        await here.sync()
        said = here.between.commands  # type: ignore[union-attr]
        ids = [line for line in said if line.startswith(b"ID")]
        assert bool(ids) == kind.behaviour.has("ID")
        assert not [line for line in ids if line in (b"ID ()", b"ID NIL")]
        names = [line.split()[0] for line in said]
        if ids:
            assert names.index(b"ID") < min(names.index(b"SELECT"), names.index(b"LIST"))


async def test_all_mail_and_labels_of_the_bridge_are_not_synced(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "proton-bridge") as here:
        for box in ("INBOX", "All Mail", "Labels/Rechnung"):
            here.server.store[box].append(mail(1))
        assert (await here.sync()).new == 1
        opened = {line for line in here.between.commands if line.startswith(b"SELECT")}  # type: ignore[union-attr]
        assert not [line for line in opened if b"All Mail" in line or b"Labels" in line]
        await settled(here)


def test_every_quirk_is_dated_sourced_and_named_once() -> None:
    assert len({one.name for one in QUIRKS}) == len(QUIRKS)
    for one in (*QUIRKS, *PERSONALITIES):
        assert one.source and re.fullmatch(r"20\d\d-\d\d(-\d\d)?", one.seen), one.name
    for quirk in QUIRKS:
        assert quirk.host or quirk.server or quirk.capability
        effects = (quirk.distrusted, quirk.traits, quirk.mirrors, quirk.mirror_roles, quirk.shows_at_most)
        assert any(effects) != quirk.everywhere, quirk.name
        played_by = (
            one
            for one in PERSONALITIES
            if quirk.fits("", one.behaviour.name, one.behaviour.capabilities | set(one.behaviour.extra))
        )
        assert any(played_by), f"{quirk.name}: no server in testing/ is known for it"
