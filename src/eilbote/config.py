"""Settings: file, environment and flags become one frozen `Config`.

Each setting stands here once, with its default and what it means; the manual's table is checked
against it. Nothing here opens the store, and no secret is ever a setting.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from eilbote.errors import Misused

FILE_NAME = "config.toml"
_LARGEST_FILE = 1 << 20
_POLICIES = ("auto", "always", "never")


def _setting(default: Any, meaning: str, low: float | None = None, high: float | None = None) -> Any:
    """A setting with its default, what it means and the range that is allowed."""
    return field(default=default, metadata={"meaning": meaning, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set. `home` comes from `--home`, `EILBOTE_HOME` or the platform's
    data folder; every other setting from `config.toml` in the home (or the file that
    `EILBOTE_CONFIG` names), from `EILBOTE_<NAME>` in the environment, or from a flag; the later
    of these wins."""

    home: Path

    store: str = _setting(
        "", "where the store is: empty for SQLite in the home, or `postgresql://USER@HOST/DATABASE`"
    )
    language: str = _setting("", "language of all output: `de`, `en`, or empty for the system's")
    key_file: str = _setting(
        "",
        "file with the key that seals passwords; empty: in the user's configuration folder",
    )
    connections_per_host: int = _setting(
        5, "IMAP connections at once to one host, all accounts together", 1, 1000
    )
    idle_mailboxes: int = _setting(
        2,
        "mailboxes of an account that are listened to while `eilbote serve` runs, the inbox and those that"
        " get most mail; where a server tells of all (NOTIFY) one connection is enough",
        1,
        20,
    )
    compress: str = _setting(
        "auto",
        "COMPRESS=DEFLATE where the server offers it: `auto` (when the line is slow), `always`, `never`",
    )
    connect_timeout: float = _setting(30.0, "seconds to wait for a connection and its greeting", 1, 600)
    read_timeout: float = _setting(60.0, "seconds a server may be silent inside one command", 5, 3600)
    undo_days: int = _setting(30, "days that something deleted can be brought back", 0, 3650)
    sync_interval: float = _setting(
        300.0, "seconds between two passes of `eilbote serve` over one account", 1, 86_400
    )
    check_hour: int = _setting(
        3,
        "hour of the night, local time, in which `eilbote serve` compares every mailbox with its server and"
        " puts right what differs; -1: never",
        -1,
        23,
    )
    host_name: str = _setting(
        "",
        "the name by which Eilbote greets the mail servers of recipients; empty: none, which many of them"
        " refuse mail for",
    )
    dns_servers: str = _setting(
        "",
        "name servers to ask about the recipients of mail and the servers of an account, as `ADDRESS` or"
        " `ADDRESS:PORT` with spaces between; empty: the system's",
    )
    dnssec: str = _setting(
        "auto",
        "whether a name server's word that DNSSEC has proven an answer is believed: `auto` (of one on this"
        " machine), `always`, `never`",
    )
    rule_daily_cap: int = _setting(
        100, "mails that one rule may send to one recipient on one day", 0, 100_000
    )
    rule_share: int = _setting(
        20,
        "percent of a mailbox from which `rules run` asks before it changes so much, if it is more than 50"
        " mails",
        0,
        100,
    )
    send_from: str = _setting(
        "",
        "address that mail is sent from where neither `--from` nor the mail itself says; empty: the only"
        " account",
    )
    lease_seconds: float = _setting(
        24.0,
        "seconds of silence after which another `eilbote serve` on the same PostgreSQL takes an account over",
        2,
        3600,
    )
    listen: str = _setting(
        "127.0.0.1:8425",
        "address of this machine and port of the web page that `eilbote serve` and `eilbote demo` open;"
        " `off`: no page",
    )


def settings() -> Iterator[Field[Any]]:
    """Every setting but the home, in the order of the manual."""
    return (each for each in fields(Config) if each.name != "home")


def load_config(
    home: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    **flags: object,
) -> Config:
    """Reads the settings of `home` (None: from the environment, else the platform's data folder).

    `flags` are settings given on the command line; None among them means not given.
    Raises Misused with `config.unreadable`, `config.syntax`, `config.unknown_key` or
    `config.bad_value`. A missing file is no error unless `EILBOTE_CONFIG` names it.
    """
    environ = os.environ if environ is None else environ
    folder = _home(home, environ)
    named = environ.get("EILBOTE_CONFIG")
    file = Path(named).expanduser() if named else folder / FILE_NAME
    chosen: dict[str, Any] = {}
    known = {each.name: each for each in settings()}
    for key, value in _read_file(file, required=bool(named)).items():
        if key not in known:
            raise Misused("config.unknown_key", key=key, file=file)
        chosen[key] = _checked(known[key], value, str(file))
    for key, each in known.items():
        variable = f"EILBOTE_{key.upper()}"
        if environ.get(variable):
            chosen[key] = _checked(each, _from_text(each, environ[variable], variable), variable)
    for key, value in flags.items():
        if value is not None:
            chosen[key] = _checked(known[key], value, f"--{key.replace('_', '-')}")
    return Config(home=folder, **chosen)


def _home(home: str | Path | None, environ: Mapping[str, str]) -> Path:
    given = str(home) if home else environ.get("EILBOTE_HOME", "")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_data_path  # noqa: PLC0415  # only where no home is given

    return user_data_path("eilbote", appauthor=False)


def _read_file(file: Path, *, required: bool) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError) as problem:
        if required:
            raise Misused("config.unreadable", file=file, reason=problem.strerror) from None
        return {}  # a home that is no folder is the store's to name
    except OSError as problem:
        if not required and isinstance(problem, PermissionError) and not os.access(file.parent, os.X_OK):
            return {}  # so is a home that may not be entered
        raise Misused("config.unreadable", file=file, reason=problem.strerror) from None
    import tomllib  # noqa: PLC0415  # most homes have no such file

    if len(data) > _LARGEST_FILE:
        raise Misused("config.unreadable", file=file, reason="larger than 1 MB")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise Misused("config.syntax", file=file, reason=problem) from None


def _default(each: Field[Any]) -> Any:
    assert each.default is not MISSING
    return each.default


def _from_text(each: Field[Any], text: str, source: str) -> object:
    kind: Callable[[str], object] = type(_default(each))
    try:
        return kind(text)
    except ValueError:
        raise Misused(
            "config.bad_value", key=each.name, value=text, source=source, expected=_expected(each)
        ) from None


def _checked(each: Field[Any], value: object, source: str) -> object:
    default = _default(each)
    low, high = each.metadata["low"], each.metadata["high"]
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    fits = type(value) is type(default)
    if fits and low is not None:
        fits = low <= value <= high
    if fits and each.name == "language":
        fits = value in ("", "de", "en")
    if fits and each.name in ("compress", "dnssec"):
        fits = value in _POLICIES
    if fits and each.name == "dns_servers":
        fits = all(map(_is_name_server, str(value).split()))
    if fits and each.name == "listen":
        fits = _is_listen(str(value))
    if fits and each.name == "store" and not _is_store(str(value)):
        # The address may hold a password: only its kind is shown.
        value, fits = str(value).partition(":")[0] + ":…", False
    if not fits:
        raise Misused("config.bad_value", key=each.name, value=value, source=source, expected=_expected(each))
    return value


def _is_store(text: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415  # only where a store is named

    try:
        address = urlsplit(text)
        return not text or (address.scheme in ("postgresql", "postgres") and (address.port or 1) > 0)
    except ValueError:
        return False


def _is_name_server(text: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415  # only where one is named

    try:
        address, port = split_name_server(text)
        ip_address(address)
    except ValueError:
        return False
    return 0 < port < 65_536


def checked_listen(text: str, source: str) -> str:
    """The setting `listen` as it was given elsewhere. Misused `config.bad_value`."""
    return str(_checked(next(each for each in settings() if each.name == "listen"), text, source))


def _is_listen(text: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415  # only where one is named

    if text == "off":
        return True
    try:
        host, port = split_listen(text)
        # What is sent there is not encrypted: it must not leave the machine.
        return ip_address(host).is_loopback and 0 <= port < 65_536
    except ValueError:
        return False


def split_listen(text: str) -> tuple[str, int]:
    """Address and port of `HOST:PORT`; port 0 is any that is free. ValueError for a port that is none."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    return ("127.0.0.1" if host == "localhost" else host), int(port)


def split_name_server(text: str) -> tuple[str, int]:
    """Address and port of `ADDRESS`, `IPV4:PORT` or `[IPV6]:PORT`. ValueError for a port that is none."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, int(port.removeprefix(":") or 53)
    address, colon, port = text.rpartition(":")
    return (text, 53) if not colon or ":" in address else (address, int(port))


def _expected(each: Field[Any]) -> str:
    """What a value must look like, in signs that need no translation."""
    low, high = each.metadata["low"], each.metadata["high"]
    if each.name == "language":
        return '"de", "en"'
    if each.name in ("compress", "dnssec"):
        return ", ".join(f'"{policy}"' for policy in _POLICIES)
    if each.name == "dns_servers":
        return '"", "192.0.2.53 [2001:db8::53]:5353"'
    if each.name == "listen":
        return '"127.0.0.1:8425", "[::1]:8425", "off"'
    if each.name == "store":
        return '"", "postgresql://USER@HOST/DATABASE"'
    return '"…"' if low is None else f"{low:g} … {high:g}"
