"""The settings of the home as a person reads and changes them: what each means, its value, where it is from.

A change is written to `config.toml` whole or not at all, after it was read back by `load_config`; what the
file says besides stays as it was, comments included. The address of a store may hold a password: it is never
shown.
"""

from __future__ import annotations

import fcntl
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from eilbote.config import FILE_NAME, load_config, settings
from eilbote.engine.app import App
from eilbote.errors import Misused, NotAllowed

_READ_ONLY = ("store", "key_file")
"""A slip in these would shut everybody out of the mail: they are changed by hand."""

_LARGEST_FILE = 1 << 20


class Origin(StrEnum):
    """Where a value comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class Setting(Struct, frozen=True):
    """One setting. `value` is that of the file or the environment, as it is written there; `running`: that of
    this process, where it is another: it takes effect at the next start. `kind`: `text` or `number`."""

    name: str
    meaning: str
    value: str
    default: str
    origin: Origin
    running: str
    kind: str
    editable: bool


def list_settings(app: App, environ: Mapping[str, str] | None = None) -> list[Setting]:
    """Every setting, in the order of the manual. Raises as `load_config`."""
    environ = os.environ if environ is None else environ
    chosen = _in_file(app, environ)[1]
    loaded = load_config(app.config.home, environ)
    return [_setting(app, each, loaded, chosen, environ) for each in settings()]


def settings_file(app: App, environ: Mapping[str, str] | None = None) -> Path:
    """The file that settings are written to."""
    named = (os.environ if environ is None else environ).get("EILBOTE_CONFIG")
    return Path(named).expanduser() if named else app.config.home / FILE_NAME


def change_setting(app: App, name: str, typed: str, environ: Mapping[str, str] | None = None) -> None:
    """Writes one setting; empty takes it out, so that the default counts. Misused `config.unknown_key`,
    `config.bad_value`; NotAllowed `config.not_here` for one that is not changed on the page, and
    `config.unwritable`."""
    environ = os.environ if environ is None else environ
    known = {each.name: each for each in settings()}
    file = settings_file(app, environ)
    if name not in known:
        raise Misused("config.unknown_key", key=name[:100], file=file)
    if name in _READ_ONLY or environ.get(f"EILBOTE_{name.upper()}"):
        raise NotAllowed("config.not_here", key=name)
    line = _line(known[name], typed.strip())
    with _alone(file):
        _change(app, file, name, line, environ)


def _change(app: App, file: Path, name: str, line: str, environ: Mapping[str, str]) -> None:
    before, chosen = _in_file(app, environ)
    after = _with_line(before, name, line)
    wanted = {key: value for key, value in chosen.items() if key != name}
    if line:
        wanted |= tomllib.loads(line)
    try:
        same = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:  # the value stands over several lines, or the like: a person's hand is better
        raise NotAllowed("config.not_here", key=name)
    _write(app, file, after, environ)


def _setting(
    app: App, each: Any, loaded: object, chosen: Mapping[str, object], environ: Mapping[str, str]
) -> Setting:
    name = each.name
    if environ.get(f"EILBOTE_{name.upper()}"):
        origin = Origin.ENVIRONMENT
    else:
        origin = Origin.FILE if name in chosen else Origin.DEFAULT
    value, running = _shown(name, getattr(loaded, name)), _shown(name, getattr(app.config, name))
    return Setting(
        name,
        each.metadata["meaning"],
        value,
        _shown(name, each.default),
        origin,
        running if running != value else "",
        "text" if isinstance(each.default, str) else "number",
        name not in _READ_ONLY and origin is not Origin.ENVIRONMENT,
    )


def _shown(name: str, value: object) -> str:
    if name == "store" and value:
        return str(value).partition(":")[0] + ":…"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_file(app: App, environ: Mapping[str, str]) -> tuple[str, dict[str, object]]:
    """The file's text and what it sets; nothing where there is none."""
    file = settings_file(app, environ)
    try:
        text = file.read_bytes()[: _LARGEST_FILE + 1].decode("utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        return "", {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise Misused("config.syntax", file=file, reason=problem) from None


def _line(each: Any, typed: str) -> str:
    """The setting as TOML; empty for none. A value that is none of its kind is given on as it is typed, for
    `load_config` to refuse it."""
    if not typed:
        return ""
    if isinstance(each.default, str):
        if not typed.isprintable():
            raise Misused("config.bad_value", key=each.name, value=typed[:100], source="", expected='"…"')
        escaped = typed.replace("\\", "\\\\").replace('"', '\\"')
        return f'{each.name} = "{escaped}"'
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", typed, re.ASCII):
        raise Misused("config.bad_value", key=each.name, value=typed[:100], source="", expected="0 … 9")
    return f"{each.name} = {typed}"


def _with_line(text: str, name: str, line: str) -> str:
    """The text with this setting on one line, in the place of the one before."""
    lines = text.splitlines()
    kept = [each for each in lines if not re.match(rf"\s*{re.escape(name)}\s*=", each)]
    at = next(
        (index for index, each in enumerate(lines) if re.match(rf"\s*{re.escape(name)}\s*=", each)), None
    )
    if line:
        kept.insert(len(kept) if at is None else at, line)
    return "\n".join(kept) + "\n" if kept else ""


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Of two who change settings at once, one waits: neither writes what the other has read. The lock is
    that of the folder, and free when its holder dies."""
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise NotAllowed("config.unwritable", file=file, reason=problem.strerror or problem) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(app: App, file: Path, text: str, environ: Mapping[str, str]) -> None:
    """Beside the file, read back as settings, then in its place."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            part.chmod(file.stat().st_mode & 0o777)
        load_config(app.config.home, {**environ, "EILBOTE_CONFIG": str(part)})
        part.replace(file)
    except OSError as problem:
        raise NotAllowed("config.unwritable", file=file, reason=problem.strerror or problem) from None
    finally:
        part.unlink(missing_ok=True)
