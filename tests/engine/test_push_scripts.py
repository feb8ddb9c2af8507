"""The scripts on an account's own server: where that is, to whom the secret is shown, and what is never done
by the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import App, open_app
from eilbote.engine.push_scripts import OWN_NAME, SieveServer, Told, find_sieve_server, open_scripts
from eilbote.engine.route import Surroundings
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Refused, Unreachable
from eilbote.net.dns import NameServer, Resolver
from eilbote.secret import Secret
from eilbote.store.values import Account, AccountState, AuthKind, Security, Server
from tests.net.scripted import Line, Scripted
from tests.servers.dovecot import Dovecot
from tests.servers.names import Names, Signing
from tests.servers.ports import free_ports

IMAP = "imap.mail.test"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    made = Names()
    record = "_sieve._tcp 300 IN SRV"
    made.zone("below.test", f"{record} 5 1 4190 late\n{record} 0 1 2000 Sieve\n{record} 0 9 4191 heavy\n")
    made.zone("same.test", f"{record} 0 1 4190 {IMAP}.\n")
    made.zone("proven.test", f"{record} 0 1 2000 sieve.hoster.test.\n", Signing.GOOD)
    made.zone("foreign.test", f"{record} 0 1 2000 sieve.hoster.test.\n")
    made.zone("nowhere.test", f"{record} 0 0 0 .\n")
    made.zone("silent.test", "@ 300 IN A 127.0.0.1\n")
    made.zone("posteo.test", f"{record} 0 1 4190 posteo.de.\n")
    yield made
    made.remove()


@pytest.fixture
def around(names: Names) -> Surroundings:
    return Surroundings(Resolver(names.servers, seconds=5.0))


def account_at(domain: str, imap: str = IMAP, security: Security = Security.TLS) -> Account:
    server = Server(imap, 993, security)
    address = f"anna@{domain}"
    return Account(1, address, "", AccountState.READY, address, AuthKind.PASSWORD, b"", server, None, None)


async def code_of(step: object, kind: type[EilboteError]) -> str:
    with pytest.raises(kind) as failed:
        await step  # type: ignore[misc]
    return failed.value.problem.code


# --- where it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "imap", "host", "port", "told"),
    [
        ("below.test", IMAP, "heavy.below.test", 4191, Told.SRV),
        ("same.test", IMAP, IMAP, 4190, Told.SRV),
        ("same.test", IMAP.upper(), IMAP, 4190, Told.SRV),
        ("proven.test", IMAP, "sieve.hoster.test", 2000, Told.SRV),
        ("posteo.test", "posteo.de", "posteo.de", 4190, Told.SRV),
        ("silent.test", IMAP, IMAP, 4190, Told.IMAP),
        ("foreign.test", "127.0.0.1", "127.0.0.1", 4190, Told.IMAP),
    ],
)
async def test_where_the_scripts_lie(
    app: App, around: Surroundings, domain: str, imap: str, host: str, port: int, told: Told
) -> None:
    found = await find_sieve_server(app, account_at(domain, imap), around=around)
    assert found == SieveServer(Server(host, port, Security.STARTTLS), told)


async def test_a_foreign_host_is_not_believed(app: App, around: Surroundings) -> None:
    """Whoever answers for the name server could lead the password to a server of their own."""
    with pytest.raises(NotAllowed) as refused:
        await find_sieve_server(app, account_at("foreign.test"), around=around)
    assert refused.value.problem.code == "managesieve.other_host"
    assert refused.value.problem.parameters["host"] == "sieve.hoster.test"
    named = Server("sieve.hoster.test", 2000, Security.STARTTLS)
    found = await find_sieve_server(app, account_at("foreign.test"), named=named, around=around)
    assert found == SieveServer(named, Told.USER)


async def test_a_domain_may_say_that_it_has_none(app: App, around: Surroundings) -> None:
    step = find_sieve_server(app, account_at("nowhere.test"), around=around)
    assert await code_of(step, Unreachable) == "managesieve.not_offered"


async def test_name_servers_that_are_silent_change_nothing(app: App) -> None:
    (port,) = free_ports(1)
    nobody = Surroundings(Resolver([NameServer("127.0.0.1", port)], seconds=0.2))
    found = await find_sieve_server(app, account_at("below.test"), around=nobody)
    assert found.told is Told.IMAP


async def test_without_imap_there_are_no_scripts(app: App) -> None:
    step = find_sieve_server(app, replace(account_at("silent.test"), imap=None))
    assert await code_of(step, Misused) == "account.no_imap"


async def test_a_local_account_keeps_its_plain_line(app: App) -> None:
    found = await find_sieve_server(app, account_at("x.test", "127.0.0.1", Security.NONE))
    assert found.server.security is Security.NONE


# --- with a server -----------------------------------------------------------------------------------------


async def made(app: App, dovecot: Dovecot, password: str = "geheim-1") -> Account:
    """The account of a fresh user, whose certificate is trusted."""
    user, _ = dovecot.new_user()
    wanted = setup.Wanted(
        f"{user}@example.org", user=user, imap=f"{dovecot.host}:{dovecot.tls_port}", security="tls"
    )
    planned = setup.planned_account(app, wanted)
    account = (await setup.add_account(app, planned, Secret(password))).account
    return replace(account, trusted=(dovecot.fingerprint,))


def sieve_of(dovecot: Dovecot) -> Server:
    return Server(dovecot.host, dovecot.sieve_port, Security.STARTTLS)


async def test_scripts_are_pushed_activated_and_pulled(app: App, dovecot_sieve: Dovecot) -> None:
    account = await made(app, dovecot_sieve)
    async with open_scripts(app, account, named=sieve_of(dovecot_sieve)) as scripts:
        assert "fileinto" in scripts.capabilities.extensions
        assert await scripts.push(OWN_NAME, "keep; # Größe\n") == ()
        assert (await scripts.list()).active is None
        await scripts.activate(OWN_NAME)
        assert (await scripts.pull(OWN_NAME)).decode() == "keep; # Größe\n"
        assert await code_of(scripts.push(OWN_NAME, "stop;"), Refused) == "managesieve.name_taken"
        await scripts.push(OWN_NAME, b"stop;", overwrite=True)
        assert (await scripts.list()).active == OWN_NAME
        judged = await scripts.check("keep;\nnope;\n")
        assert (judged.accepted, judged.remarks[0].line) == (False, 2)
        assert (await scripts.check("keep;")).accepted
        assert len((await scripts.list()).scripts) == 1


async def test_no_script_takes_the_place_of_another_by_the_way(app: App, dovecot_sieve: Dovecot) -> None:
    account = await made(app, dovecot_sieve)
    async with open_scripts(app, account, named=sieve_of(dovecot_sieve)) as scripts:
        for name in ("alt", "neu"):
            await scripts.push(name, "keep;")
        await scripts.activate("alt")
        await scripts.activate("alt")
        with pytest.raises(NotAllowed) as refused:
            await scripts.activate("neu")
        assert refused.value.problem.parameters == {"name": "neu", "active": "alt"}
        assert (await scripts.list()).active == "alt"
        await scripts.activate("neu", replace=True)
        assert (await scripts.list()).active == "neu"
        assert await code_of(scripts.delete("neu"), Refused) == "managesieve.active"
        await scripts.rename("neu", "Büro")
        assert (await scripts.list()).active == "Büro"
        await scripts.deactivate()
        for name in ("Büro", "alt"):
            await scripts.delete(name)
        assert await code_of(scripts.pull("alt"), Gone) == "managesieve.no_such_script"


async def test_what_somebody_changed_there_is_not_overwritten(app: App, dovecot_sieve: Dovecot) -> None:
    account = await made(app, dovecot_sieve)
    async with open_scripts(app, account, named=sieve_of(dovecot_sieve)) as scripts:
        missing = scripts.push("a", "stop;", instead_of="keep;")
        assert await code_of(missing, Gone) == "managesieve.no_such_script"
        await scripts.push("a", "keep;\r\n# 1\r\n")
        changed = scripts.push("a", "stop;", instead_of="keep;")
        assert await code_of(changed, Refused) == "managesieve.changed_there"
        assert await scripts.pull("a") == b"keep;\r\n# 1\r\n"
        await scripts.push("a", "stop;", instead_of="keep;\n# 1")
        assert await scripts.pull("a") == b"stop;"


@pytest.mark.parametrize(
    ("name", "script", "code"),
    [
        ("a\nb", "keep;", "managesieve.bad_name"),
        ("a", "keep;\0", "managesieve.bad_script"),
        ("a", "\ud800", "managesieve.bad_script"),
        ("a", b"\xff", "managesieve.bad_script"),
        ("a", "#" * 2_000_000, "managesieve.script_too_large"),
    ],
)
async def test_what_cannot_be_pushed_is_told_before_it_is_sent(
    app: App, dovecot_sieve: Dovecot, name: str, script: str | bytes, code: str
) -> None:
    account = await made(app, dovecot_sieve)
    async with open_scripts(app, account, named=sieve_of(dovecot_sieve)) as scripts:
        assert await code_of(scripts.push(name, script), Misused) == code
        assert (await scripts.list()).scripts == ()


async def test_a_wrong_password_is_told(app: App, dovecot_sieve: Dovecot) -> None:
    account = await made(app, dovecot_sieve, "falsch")
    with pytest.raises(Refused) as refused:
        async with open_scripts(app, account, named=sieve_of(dovecot_sieve)):
            pass
    assert refused.value.problem.code == "managesieve.login_refused"


async def test_nobody_at_the_imap_host(app: App, dovecot_sieve: Dovecot) -> None:
    """A host that was only guessed says so in plain words; one that somebody named says what went wrong."""
    account = await made(app, dovecot_sieve)
    with pytest.raises(Unreachable) as none:
        async with open_scripts(app, replace(account, imap=Server("127.0.0.99", 143, Security.NONE))):
            pass
    assert none.value.problem.code == "managesieve.not_offered"
    (port,) = free_ports(1)
    with pytest.raises(Unreachable) as refused:
        async with open_scripts(app, account, named=Server("127.0.0.1", port, Security.STARTTLS)):
            pass
    assert refused.value.problem.code == "net.refused"


async def test_a_referral_is_told_and_not_followed(app: App, dovecot_sieve: Dovecot) -> None:
    account = await made(app, dovecot_sieve)

    async def other(line: Line) -> None:
        raise AssertionError("nobody may come here")

    async with Scripted(other).listening() as elsewhere:

        async def script(line: Line) -> None:
            await line.say(b'"SIEVE" "x"', b'"SASL" "PLAIN"', b"OK")
            await line.hear()
            await line.say(b'NO (REFERRAL "sieve://127.0.0.1:%d") "there"' % elsewhere.port)

        async with Scripted(script).listening() as first:
            with pytest.raises(Refused) as refused:
                async with open_scripts(app, account, named=first.server):
                    pass
        assert refused.value.problem.code == "managesieve.referral"
        assert refused.value.problem.parameters["to"] == f"127.0.0.1:{elsewhere.port}"
        assert elsewhere.lines == []


async def test_what_fails_inside_ends_the_connection(
    app: App, dovecot_sieve: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await made(app, dovecot_sieve)
    with pytest.raises(Refused):
        async with open_scripts(app, account, named=sieve_of(dovecot_sieve)) as scripts:
            await scripts.push("a", "nope;")
    with pytest.raises(Unreachable):
        await scripts.list()
