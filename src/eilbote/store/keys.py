"""Where the key that seals secrets comes from: systemd, the environment, the OS keyring, or a file.

A key never lies in the data folder: who copies that folder must not be able to open what is sealed
in it. Nothing here ever prints, logs or returns a key in an error.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from msgspec import Struct

from eilbote.errors import Gone, Misused, NotAllowed

KEY_BYTES = 32
CREDENTIAL = "eilbote-key"
VARIABLE = "EILBOTE_KEY"
IN_KEYRING = "keyring:"
"""As `key_file`: the key lies in the operating system's keyring (extra `keyring`)."""

_LARGEST_FILE = 16 * 1024
_SERVICE, _USER = "eilbote", "key"


class Key(Struct, frozen=True):
    """32 random bytes and the name that sealed values remember them by."""

    data: bytes

    @property
    def name(self) -> bytes:
        """Eight bytes that tell keys apart and say nothing about the key."""
        return sha256(b"eilbote key name\0" + self.data).digest()[:8]

    def __repr__(self) -> str:
        return f"Key({self.name.hex()})"


class Keys:
    """All the keys of a home, the one that seals first; looked up when first needed.

    A source may hold several, one a line: the first seals, the others only open what they sealed
    (that is how a key is changed). Each is base64 or hexadecimal of 32 bytes.
    """

    def __init__(
        self,
        home: Path,
        key_file: str,
        random_bytes: Callable[[int], bytes],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._home = home
        self._named = key_file
        self._random_bytes = random_bytes
        self._making = threading.Lock()
        self._environ = os.environ if environ is None else environ

    @property
    def path(self) -> Path:
        """The key file. NotAllowed `vault.key_inside_home` where it would lie in the data folder."""
        if self._named:
            path = Path(self._named).expanduser().absolute()
        else:
            from platformdirs import user_config_path  # noqa: PLC0415  # most commands need no key

            path = user_config_path("eilbote", appauthor=False) / "key"
        if path.resolve().is_relative_to(self._home.resolve()):
            raise NotAllowed("vault.key_inside_home", path=path, home=self._home)
        return path

    def current(self) -> Key:
        """The key to seal with; one is made, in the keyring or the file, if there is none yet."""
        with self._making:  # threads of one process; another process is met by `_create`
            return next(self.all(), None) or self._made()

    def _made(self) -> Key:
        made = Key(self._random_bytes(KEY_BYTES))
        if self._named == IN_KEYRING:
            _keyring().set_password(_SERVICE, _USER, _written(made))
            return made
        _create(self.path, _written(made))
        return next(self.all())  # another process may have made it first

    def named(self, name: bytes) -> Key:
        """The key of this name. Gone `vault.key_missing` without any key, else `vault.wrong_key`."""
        any_key = False
        for key in self.all():
            any_key = True
            if key.name == name:
                return key
        if any_key:
            raise Gone("vault.wrong_key")
        raise Gone("vault.key_missing", path=self._named if self._named == IN_KEYRING else self.path)

    def all(self) -> Iterator[Key]:
        """Every key of every source, in order of preference."""
        yield from self._from_outside()
        if self._named == IN_KEYRING:
            yield from _read(_keyring().get_password(_SERVICE, _USER) or "", IN_KEYRING)
        elif (path := self.path).exists():
            yield from _read(_content(path, private=True), str(path))

    def _from_outside(self) -> Iterator[Key]:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if folder:
            path = Path(folder) / CREDENTIAL
            if path.exists():  # systemd has seen to who may read it
                yield from _read(_content(path, private=False), str(path))
        given = self._environ.get(VARIABLE)
        if given:
            yield from _read(given, VARIABLE)

    def replace(self) -> Key:
        """Puts a new key before the others in the key file (or keyring); the old ones still open
        what they sealed. Misused `vault.key_not_ours` where the key comes from outside."""
        if next(self._from_outside(), None) is not None:
            raise Misused("vault.key_not_ours")
        made = Key(self._random_bytes(KEY_BYTES))
        content = "".join(_written(key) for key in (made, *self.all()))
        if self._named == IN_KEYRING:
            _keyring().set_password(_SERVICE, _USER, content)
        else:
            _create(self.path, content, over=True)
        return made


def _written(key: Key) -> str:
    return base64.b64encode(key.data).decode("ascii") + "\n"


def _read(text: str, source: str) -> Iterator[Key]:
    lines = (line.strip() for line in text.replace(",", "\n").splitlines())
    for line in lines:
        if line and not line.startswith("#"):
            yield Key(_decoded(line, source))


def _decoded(line: str, source: str) -> bytes:
    try:
        if len(line) == 2 * KEY_BYTES:
            return bytes.fromhex(line)
        data = base64.b64decode(line.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != KEY_BYTES:
        raise Misused("vault.bad_key", source=source)
    return data


def _content(path: Path, *, private: bool) -> str:
    """The file's text. With `private` only if nobody else can read or write it, by the file that
    was opened, not by its name."""
    try:
        with path.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            others = facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            if private and (others or facts.st_uid not in {os.geteuid(), 0}):
                raise NotAllowed("vault.key_readable", path=path, mode=oct(stat.S_IMODE(facts.st_mode))[2:])
            return stream.read(_LARGEST_FILE).decode("ascii", "replace")
    except OSError as error:
        raise NotAllowed("vault.key_unreadable", path=path, reason=error.strerror or error) from error


def _create(path: Path, content: str, *, over: bool = False) -> None:
    """Writes the file whole or not at all, for its owner alone. An existing one stays unless `over`."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            if over:
                part.replace(path)
            else:
                path.hardlink_to(part)
        except FileExistsError:
            pass  # another process was first; its key is the key
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise NotAllowed("vault.key_unreadable", path=path, reason=error.strerror or error) from error


class _Keyring:
    """The operating system's keyring, through the package `keyring`."""

    def __init__(self) -> None:
        try:
            keyring = import_module("keyring")  # an extra
            errors = import_module("keyring.errors")
        except ImportError:
            raise Misused("vault.keyring_missing") from None
        backend = keyring.get_keyring()
        kind = f"{type(backend).__module__}.{type(backend).__name__}"
        if not kind.startswith(_SAFE_BACKENDS):
            raise NotAllowed("vault.keyring_plain", backend=kind)
        self._backend = backend
        self._error: type[Exception] = errors.KeyringError

    def get_password(self, service: str, user: str) -> str | None:
        try:
            found: str | None = self._backend.get_password(service, user)
        except self._error as error:
            raise NotAllowed("vault.key_unreadable", path=IN_KEYRING, reason=type(error).__name__) from None
        return found

    def set_password(self, service: str, user: str, value: str) -> None:
        try:
            self._backend.set_password(service, user, value)
        except self._error as error:
            raise NotAllowed("vault.key_unreadable", path=IN_KEYRING, reason=type(error).__name__) from None


# All others (keyrings.alt above all) write plain text, or text under a fixed key.
_SAFE_BACKENDS = (
    "keyring.backends.SecretService.",
    "keyring.backends.libsecret.",
    "keyring.backends.kwallet.",
    "keyring.backends.macOS.",
    "keyring.backends.Windows.",
)


def _keyring() -> _Keyring:
    return _Keyring()
