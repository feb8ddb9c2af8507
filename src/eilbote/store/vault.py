"""Secrets, sealed at rest always: AES-256-GCM under a key that lies outside the data folder.

What a sealed value is for (`account:anna@example.org`) is bound into it: moved to another row it
does not open. A secret never leaves here but as a `Secret`, and never stands in an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from eilbote.clock import Clock
from eilbote.errors import Gone, NotAllowed
from eilbote.secret import Secret
from eilbote.store.keys import Keys

_VERSION = 1
_NAME, _NONCE, _TAG = 8, 12, 16
_HEAD = 1 + _NAME


class Settings(Protocol):
    """What the vault needs of the settings: the data folder, and the key file if one is named."""

    @property
    def home(self) -> Path: ...

    @property
    def key_file(self) -> str: ...


class Vault:
    """Seals and opens secrets. Opening the vault reads nothing; the first secret does.

    A sealed value is the format's version (1 byte), the name of its key (8), a random nonce (12),
    and the ciphertext with its tag (16); version, name and purpose are authenticated with it
    (AES-GCM: NIST SP 800-38D). 2**32 values may be sealed under one key.
    """

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    @classmethod
    def open(cls, settings: Settings, clock: Clock) -> Vault:
        """The vault of a home."""
        return cls(Keys(settings.home, settings.key_file, clock.random_bytes), clock)

    @property
    def key_file(self) -> Path | None:
        """The file with the key, None where there is none (yet). Raises as `keys.py` does."""
        path = self._keys.path
        return path if path.exists() else None

    def seal(self, secret: Secret, purpose: str) -> bytes:
        """Seals a secret for one purpose, making a key if there is none. Raises the Problems of
        `keys.py`: NotAllowed `vault.key_readable`, `vault.key_inside_home`, ..."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # slow to load

        key = self._keys.current()
        head = bytes([_VERSION]) + key.name
        nonce = self._clock.random_bytes(_NONCE)
        sealed = AESGCM(key.data).encrypt(nonce, secret.reveal().encode(), head + purpose.encode())
        return head + nonce + sealed

    def open_secret(self, sealed: bytes, purpose: str) -> Secret:
        """The secret again. Gone `vault.key_missing` without a key, `vault.wrong_key` under
        another, `vault.damaged` where the value was changed or made for something else;
        NotAllowed `vault.newer` for a format of a later version."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        if len(sealed) < _HEAD + _NONCE + _TAG:
            raise Gone("vault.damaged", purpose=purpose)
        if sealed[0] != _VERSION:
            raise NotAllowed("vault.newer", found=sealed[0], known=_VERSION)
        head, nonce, data = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        key = self._keys.named(head[1:])
        try:
            return Secret(AESGCM(key.data).decrypt(nonce, data, head + purpose.encode()).decode())
        except InvalidTag:
            raise Gone("vault.damaged", purpose=purpose) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether a value is sealed with the newest key; others are to be opened and sealed again."""
        return sealed[:_HEAD] == bytes([_VERSION]) + self._keys.current().name

    def new_key(self) -> None:
        """From now on seals with a new key. What older keys sealed still opens. Misused
        `vault.key_not_ours` where the key comes from systemd or the environment."""
        self._keys.replace()
