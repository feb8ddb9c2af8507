"""Our ManageSieve session against Dovecot's Pigeonhole, Cyrus and servers that mean harm."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, Garbled, Gone, Refused, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.managesieve import ManageSieveSession
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.protocols.managesieve.encode import Command, script_name
from eilbote.protocols.managesieve.limits import Limits
from eilbote.protocols.managesieve.session import try_to
from eilbote.protocols.managesieve.values import ListedScript, ScriptName
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

A, B = script_name("a"), script_name("b")
PASSWORD = "geheim-1"
FOLDER = b'require "fileinto"; # an Jos\xc3\xa9\r\nfileinto "Rechnungen";\r\n'


async def opened(
    server: Server,
    user: str = "anna",
    password: str = PASSWORD,
    *,
    oauth: bool = False,
    trusted: Sequence[str] = (),
    trace: Trace | None = None,
    limits: Limits | None = None,
    read_timeout: float = 20,
) -> ManageSieveSession:
    return await ManageSieveSession.open(
        server,
        Credential(user, Secret(password), oauth),
        Terms(SystemClock(), trusted, trace, connect_timeout=20, read_timeout=read_timeout),
        limits=limits,
    )


Opener = Callable[..., Awaitable[ManageSieveSession]]


@pytest.fixture
async def opening() -> AsyncIterator[Opener]:
    """`opened`, for sessions that end with the test at the latest."""
    sessions: list[ManageSieveSession] = []

    async def open_one(*given: Any, **options: Any) -> ManageSieveSession:
        sessions.append(await opened(*given, **options))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.abort()


async def on_dovecot(opening: Opener, dovecot: Dovecot, trace: Trace | None = None) -> ManageSieveSession:
    """A session of a fresh user with an instance that has scripts and TLS."""
    user, password = dovecot.new_user()
    server = Server(dovecot.host, dovecot.sieve_port, Security.STARTTLS)
    return await opening(server, user, password, trusted=[dovecot.fingerprint], trace=trace)


async def on_cyrus(opening: Opener, cyrus: Cyrus) -> ManageSieveSession:
    user, password = cyrus.new_user()
    with cyrus.imap(user, password):
        pass  # the first login makes the mailboxes, without which Cyrus takes no scripts
    return await opening(Server(cyrus.host, cyrus.sieve_port, Security.NONE), user, password)


Place = Callable[[], Awaitable[ManageSieveSession]]


@pytest.fixture(params=["dovecot", "cyrus"])
def place(request: pytest.FixtureRequest, opening: Opener) -> Place:
    """Gives a session of a fresh user."""
    if request.param == "dovecot":
        dovecot = request.getfixturevalue("dovecot_sieve")
        return lambda: on_dovecot(opening, dovecot)
    cyrus = request.getfixturevalue("cyrus_like")(CyrusOptions(sieve=True))
    return lambda: on_cyrus(opening, cyrus)


async def code_of(step: Awaitable[object], kind: type[EilboteError]) -> str:
    with pytest.raises(kind) as failed:
        await step
    return failed.value.problem.code


# --- real servers ------------------------------------------------------------------------------------------


async def test_everything_there_is_to_do(place: Place) -> None:
    session = await place()
    assert {"fileinto", "vacation", "imap4flags"} <= set(session.capabilities.extensions)
    assert (await session.list()).scripts == ()
    assert await session.put(A, FOLDER) == ()
    assert await session.fetch(A) == FOLDER
    assert (await session.list()).scripts == (ListedScript(A),)
    assert await code_of(session.put(A, b"keep;", overwrite=False), Refused) == "managesieve.name_taken"
    await session.put(A, b"keep;\r\n")
    assert await session.fetch(A) == b"keep;\r\n"

    await session.activate(A)
    assert (await session.list()).active == A
    assert await code_of(session.delete(A), Refused) == "managesieve.active"
    await session.put(B, FOLDER)
    assert await code_of(session.rename(A, B), Refused) == "managesieve.name_taken"
    await session.delete(B)
    await session.rename(A, B)
    assert (await session.list()).scripts == (ListedScript(B, True),)
    await session.activate(None)
    assert (await session.list()).active is None
    await session.delete(B)
    assert (await session.list()).scripts == ()

    for step in (session.fetch(A), session.delete(A), session.activate(A), session.rename(A, B)):
        assert await code_of(step, Gone) == "managesieve.no_such_script"
    await session.keep_alive()
    await session.log_out()
    assert await code_of(session.list(), Unreachable) == "net.closed"


async def test_a_wrong_script_is_not_stored(place: Place) -> None:
    session = await place()
    await session.put(A, b"keep;\n")
    with pytest.raises(Refused) as refused:
        await session.put(A, b'keep;\nrequire "fileinto"; kep;\n')
    assert refused.value.problem.code == "managesieve.invalid_script"
    assert refused.value.problem.parameters["line"] == "2"
    assert await session.fetch(A) == b"keep;\n"
    judged = await session.check(b"keep;\n\nif true { nope; }\n", B)
    assert not judged.accepted and judged.remarks[0].line == 3
    assert (await session.check(FOLDER, B)).accepted
    assert [one.name for one in (await session.list()).scripts] == [A]
    await session.log_out()


@pytest.mark.parametrize("name", ["mit Leerzeichen", "{5+}", "ok)", "(", "=?", "x" * 60])
async def test_names_come_back_as_they_were_given(place: Place, name: str) -> None:
    session = await place()
    await session.put(script_name(name), FOLDER)
    assert [one.name for one in (await session.list()).scripts] == [name]
    assert await session.fetch(script_name(name)) == FOLDER
    await session.delete(script_name(name))
    await session.log_out()


@pytest.mark.parametrize("name", ["Büro", 'a"b\\', "x" * 128, "日本語", "\N{GRINNING FACE}"])
async def test_names_of_any_letters_on_dovecot(opening: Opener, dovecot_sieve: Dovecot, name: str) -> None:
    session = await on_dovecot(opening, dovecot_sieve)
    await session.put(script_name(name), FOLDER)
    await session.activate(script_name(name))
    await session.rename(script_name(name), script_name(name + "x"))
    assert (await session.list()).scripts == (ListedScript(ScriptName(name + "x"), True),)
    await session.log_out()


async def test_a_name_with_a_path_in_it_leads_nowhere(opening: Opener, dovecot_sieve: Dovecot) -> None:
    session = await on_dovecot(opening, dovecot_sieve)
    assert await code_of(session.put(script_name("../x"), FOLDER), Refused) == "managesieve.refused"
    await session.log_out()


async def test_a_name_that_cyrus_misunderstands_is_not_sent(
    opening: Opener,
    cyrus_like: Callable[[CyrusOptions], Cyrus],
) -> None:
    """Cyrus 3.6 lists what was stored by others as it is; we read it and store none such."""
    session = await on_cyrus(opening, cyrus_like(CyrusOptions(sieve=True)))
    for name in ("Büro", 'a"b', "x" * 61):
        step = session.put(script_name(name), FOLDER)
        assert await code_of(step, Refused) == "managesieve.name_unusable"
    assert (await session.list()).scripts == ()
    await session.log_out()


async def test_a_cyrus_that_falls_out_of_step_is_noticed(
    opening: Opener, cyrus_like: Callable[[CyrusOptions], Cyrus]
) -> None:
    """Letters beyond ASCII between quotes: Cyrus answers twice, and the second answer is nobody's."""
    session = await on_cyrus(opening, cyrus_like(CyrusOptions(sieve=True)))
    line = 'PUTSCRIPT "Bü" {5+}\r\nkeep;\r\n'.encode()
    misunderstood = try_to(session._talk.dialogue, Command("PUTSCRIPT", line, b"PUTSCRIPT"))
    assert await code_of(session._talk.run(misunderstood), Garbled) == "managesieve.out_of_step"


async def test_what_a_server_limits(
    opening: Opener, dovecot_like: Callable[[DovecotOptions], Dovecot]
) -> None:
    limited = DovecotOptions(sieve=True, tls="required", most_scripts=2, largest_script=20_000)
    session = await on_dovecot(opening, dovecot_like(limited))
    assert await code_of(session.put(A, b"#" * 20_100), Refused) == "managesieve.quota"
    assert await code_of(session.have_space(A, 30_000), Refused) == "managesieve.quota"
    await session.have_space(A, 3_000)
    await session.put(A, b"keep;")
    await session.put(B, b"keep;")
    third = script_name("c")
    assert await code_of(session.put(third, b"keep;"), Refused) == "managesieve.too_many_scripts"
    assert await code_of(session.have_space(third, 5), Refused) == "managesieve.too_many_scripts"
    await session.log_out()


async def test_a_large_script_goes_there_and_back(opening: Opener, dovecot_sieve: Dovecot) -> None:
    session = await on_dovecot(opening, dovecot_sieve)
    large = b"keep;\r\n" + b"# 0123456789\r\n" * 60_000
    await session.put(A, large)
    assert await session.fetch(A) == large
    assert session.bytes_sent > len(large) and session.bytes_received > len(large)
    await session.log_out()


async def test_a_wrong_password(dovecot_sieve: Dovecot) -> None:
    user, _ = dovecot_sieve.new_user()
    server = Server(dovecot_sieve.host, dovecot_sieve.sieve_port, Security.STARTTLS)
    step = opened(server, user, "falsch", trusted=[dovecot_sieve.fingerprint])
    assert await code_of(step, Refused) == "managesieve.login_refused"


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-1", "scram-sha-256"])
async def test_every_mechanism_of_a_password(
    opening: Opener, dovecot_like: Callable[[DovecotOptions], Dovecot], mechanism: str
) -> None:
    out = io.StringIO()
    one = DovecotOptions(sieve=True, tls="required", mechanisms=mechanism)
    session = await on_dovecot(opening, dovecot_like(one), Trace(out, SystemClock()))
    await session.put(A, FOLDER)
    await session.fetch(A)
    await session.log_out()
    shown = out.getvalue()
    assert f'AUTHENTICATE "{mechanism.upper()}"' in shown and "PUTSCRIPT" in shown and "LOGOUT" in shown
    first = b64encode(f"\0u{PASSWORD}".encode()).decode()[:8]
    for hidden in (PASSWORD, b64encode(PASSWORD.encode()).decode(), first, "Rechnungen", "n,,", "biws"):
        assert hidden not in shown


async def test_a_certificate_that_nobody_vouches_for(dovecot_sieve: Dovecot) -> None:
    user, password = dovecot_sieve.new_user()
    server = Server(dovecot_sieve.host, dovecot_sieve.sieve_port, Security.STARTTLS)
    for trusted in ([], ["0" * 64]):
        step = opened(server, user, password, trusted=trusted)
        assert await code_of(step, Unreachable) == "net.certificate"
