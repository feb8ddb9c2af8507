"""Sealed secrets: opened only by the right key, for the right purpose, unchanged."""

from __future__ import annotations

import base64
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed
from eilbote.secret import Secret
from eilbote.store.keys import IN_KEYRING, Key, Keys
from eilbote.store.vault import Vault

CLOCK = SystemClock()
PURPOSE = "account:anna@example.org"
ONE, OTHER = bytes(range(32)), bytes(range(32, 64))


@dataclass(frozen=True)
class Settings:
    home: Path
    key_file: str


def settings(folder: Path) -> Settings:
    return Settings(folder / "home", str(folder / "config" / "key"))


def vault(folder: Path, **environ: str) -> Vault:
    wanted = settings(folder)
    return Vault(Keys(wanted.home, wanted.key_file, CLOCK.random_bytes, environ), CLOCK)


def code(error: pytest.ExceptionInfo[EilboteError]) -> str:
    return error.value.problem.code


def test_what_is_sealed_opens_again_in_another_process(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(Secret("Geheim ß"), PURPOSE)
    assert b"Geheim" not in sealed
    assert vault(tmp_path).open_secret(sealed, PURPOSE) == Secret("Geheim ß")


def test_the_key_file_is_for_its_owner_alone_and_made_once(tmp_path: Path) -> None:
    vault(tmp_path).seal(Secret("x"), PURPOSE)
    path = tmp_path / "config" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]
    before = path.read_bytes()
    vault(tmp_path).seal(Secret("x"), PURPOSE)
    assert path.read_bytes() == before


def test_two_threads_that_seal_first_at_once_have_one_key(tmp_path: Path) -> None:
    one = vault(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(lambda number: one.seal(Secret(f"word {number}"), PURPOSE), range(8)))
    opened = {vault(tmp_path).open_secret(each, PURPOSE).reveal() for each in sealed}
    assert opened == {f"word {number}" for number in range(8)}


def test_opening_the_vault_alone_makes_no_file(tmp_path: Path) -> None:
    Vault.open(settings(tmp_path), CLOCK)
    assert not (tmp_path / "config").exists()


def test_the_same_secret_is_sealed_differently_every_time(tmp_path: Path) -> None:
    assert vault(tmp_path).seal(Secret("x"), PURPOSE) != vault(tmp_path).seal(Secret("x"), PURPOSE)


def test_it_does_not_open_for_another_purpose(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(Secret("x"), PURPOSE)
    with pytest.raises(Gone) as error:
        vault(tmp_path).open_secret(sealed, "account:max@example.org")
    assert code(error) == "vault.damaged"


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(Secret("secret"), PURPOSE)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(EilboteError) as error:
            vault(tmp_path).open_secret(changed, PURPOSE)
        assert code(error) in {"vault.damaged", "vault.wrong_key", "vault.newer"}


def test_without_the_key_it_says_which_file_is_missing(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(Secret("x"), PURPOSE)
    (tmp_path / "config" / "key").unlink()
    with pytest.raises(Gone) as error:
        vault(tmp_path).open_secret(sealed, PURPOSE)
    assert code(error) == "vault.key_missing"
    assert error.value.problem.parameters["path"] == str(tmp_path / "config" / "key")


def test_another_key_is_named_as_the_cause(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(Secret("x"), PURPOSE)
    (tmp_path / "config" / "key").write_bytes(base64.b64encode(ONE))
    with pytest.raises(Gone) as error:
        vault(tmp_path).open_secret(sealed, PURPOSE)
    assert code(error) == "vault.wrong_key"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    sealed = vault(tmp_path).seal(Secret("x"), PURPOSE)
    (tmp_path / "config" / "key").chmod(mode)
    for act in (
        lambda: vault(tmp_path).open_secret(sealed, PURPOSE),
        lambda: vault(tmp_path).seal(Secret("x"), "p"),
    ):
        with pytest.raises(NotAllowed) as error:
            act()
        assert code(error) == "vault.key_readable"


def test_a_key_file_inside_the_data_folder_is_refused(tmp_path: Path) -> None:
    inside = Vault.open(Settings(tmp_path / "home", str(tmp_path / "home" / "key")), CLOCK)
    with pytest.raises(NotAllowed) as error:
        inside.seal(Secret("x"), PURPOSE)
    assert code(error) == "vault.key_inside_home"
    assert not (tmp_path / "home").exists()


def test_a_link_out_of_the_way_into_the_data_folder_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "config").symlink_to(tmp_path / "home")
    with pytest.raises(NotAllowed) as error:
        vault(tmp_path).seal(Secret("x"), PURPOSE)
    assert code(error) == "vault.key_inside_home"


def test_the_environment_gives_the_key_and_no_file_is_made(tmp_path: Path) -> None:
    for written in (base64.b64encode(ONE).decode(), base64.urlsafe_b64encode(ONE).decode(), ONE.hex()):
        sealed = vault(tmp_path, EILBOTE_KEY=written).seal(Secret("x"), PURPOSE)
        assert vault(tmp_path, EILBOTE_KEY=ONE.hex()).open_secret(sealed, PURPOSE) == Secret("x")
    assert not (tmp_path / "config").exists()


def test_a_credential_of_systemd_comes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "eilbote-key").write_text(ONE.hex())
    both = vault(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path), EILBOTE_KEY=OTHER.hex())
    sealed = both.seal(Secret("x"), PURPOSE)
    assert vault(tmp_path, EILBOTE_KEY=ONE.hex()).open_secret(sealed, PURPOSE) == Secret("x")


def test_moving_from_the_file_to_the_environment_keeps_old_secrets_open(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(Secret("x"), PURPOSE)
    moved = vault(tmp_path, EILBOTE_KEY=ONE.hex())
    assert moved.open_secret(sealed, PURPOSE) == Secret("x")
    assert not moved.is_current(sealed)


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    old = vault(tmp_path).seal(Secret("x"), PURPOSE)
    vault(tmp_path).new_key()
    changed = vault(tmp_path)
    new = changed.seal(Secret("y"), PURPOSE)
    assert (changed.is_current(old), changed.is_current(new)) == (False, True)
    assert changed.open_secret(old, PURPOSE) == Secret("x")
    assert changed.open_secret(new, PURPOSE) == Secret("y")
    assert stat.S_IMODE((tmp_path / "config" / "key").stat().st_mode) == 0o600


def test_a_key_from_outside_is_not_ours_to_change(tmp_path: Path) -> None:
    with pytest.raises(Misused) as error:
        vault(tmp_path, EILBOTE_KEY=ONE.hex()).new_key()
    assert code(error) == "vault.key_not_ours"


@given(st.text(max_size=80).filter(lambda text: text.replace(",", "").strip() and "#" not in text))
def test_a_key_that_is_none_is_refused_and_never_shown(text: str) -> None:
    keys = Keys(Path("/nonexistent/home"), "/nonexistent/key", CLOCK.random_bytes, {"EILBOTE_KEY": text})
    try:
        key = next(keys.all(), None)
    except Misused as error:
        assert error.problem.code == "vault.bad_key"
        assert error.problem.parameters == {"source": "EILBOTE_KEY"}
    else:
        assert key is None or len(key.data) == 32


def test_a_key_never_shows_itself() -> None:
    assert repr(Key(ONE)) == f"Key({Key(ONE).name.hex()})"
    assert Key(ONE).name != Key(OTHER).name


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    with pytest.raises(NotAllowed) as error:
        vault(tmp_path).seal(Secret("x"), PURPOSE)
    assert code(error) == "vault.key_unreadable"


class Wallet:
    """Stands for the keyring of a desktop; `module` is that of its class."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, user: str) -> str | None:
        return self.held.get((service, user))

    def set_password(self, service: str, user: str, value: str) -> None:
        self.held[service, user] = value


def keyring_of(monkeypatch: pytest.MonkeyPatch, module: str) -> Wallet:
    wallet = type("Keyring", (Wallet,), {"__module__": module})()
    fake, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    vars(fake)["get_keyring"] = lambda: wallet
    vars(errors)["KeyringError"] = OSError
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    found: Wallet = wallet
    return found


def test_the_keyring_of_the_desktop_can_hold_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wallet = keyring_of(monkeypatch, "keyring.backends.SecretService")
    keys = Keys(tmp_path / "home", IN_KEYRING, CLOCK.random_bytes, {})
    sealed = Vault(keys, CLOCK).seal(Secret("x"), PURPOSE)
    Vault(keys, CLOCK).new_key()
    assert Vault(keys, CLOCK).open_secret(sealed, PURPOSE) == Secret("x")
    assert len(wallet.held) == 1
    assert not list(tmp_path.iterdir())


def test_a_keyring_that_writes_plain_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wallet = keyring_of(monkeypatch, "keyrings.alt.file")
    keys = Keys(tmp_path / "home", IN_KEYRING, CLOCK.random_bytes, {})
    with pytest.raises(NotAllowed) as error:
        Vault(keys, CLOCK).seal(Secret("x"), PURPOSE)
    assert code(error) == "vault.keyring_plain"
    assert not wallet.held
