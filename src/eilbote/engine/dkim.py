"""Signs the mail of accounts that deliver it themselves (DKIM, RFC 6376), and says what their domain has to
publish for that. The private key never leaves the vault but to sign.
"""

from __future__ import annotations

import re
from base64 import b64encode

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.errors import Misused
from eilbote.mail.domain import domain_for_wire
from eilbote.mail.uploading import ready_to_upload
from eilbote.secret import Secret
from eilbote.store.dkim_keys import DkimKey
from eilbote.store.values import Account

_SELECTOR = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63}){0,3}")
_BITS = 2048
_SIGNED = (
    *("from", "to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding"),
)


class Published(Struct, frozen=True):
    """A TXT record to publish: its name and its text."""

    name: str
    text: str


def make_key(app: App, account: Account, selector: str) -> Published:
    """A new signing key for the account, in place of one it had; returns the record to publish. Misused
    `dkim.bad_selector`."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # only who makes a key
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    if not _SELECTOR.fullmatch(selector):
        raise Misused("dkim.bad_selector", selector=selector[:100])
    key = rsa.generate_private_key(65_537, _BITS)
    written = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    domain = domain_for_wire(account.address.rpartition("@")[2])
    sealed = app.vault.seal(Secret(written), _purpose(account))
    app.store.dkim_keys.put(account.id, DkimKey(domain, selector, sealed, app.clock.now()))
    found = published(app, account)
    assert found is not None
    return found


def published(app: App, account: Account) -> Published | None:
    """The record that belongs to the account's key (RFC 6376 section 3.6.1); None without a key."""
    key = app.store.dkim_keys.get(account.id)
    if key is None:
        return None
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # see `make_key`
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    private = load_pem_private_key(_opened(app, account, key).reveal().encode(), None)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"
    return Published(f"{key.selector}._domainkey.{key.domain}", text)


def signed(app: App, account: Account, raw: bytes) -> bytes:
    """The mail with a signature of its account before it; without a key, as it is. What it is about is
    what readers see: text, people, subject, date."""
    key = app.store.dkim_keys.get(account.id)
    if key is None:
        return raw
    import dkim  # type: ignore[import-untyped]  # noqa: PLC0415  # only who delivers directly

    raw = ready_to_upload(raw, end_last_line=True)
    head = raw.split(b"\r\n\r\n", 1)[0] + b"\r\n"
    names = {line.split(b":", 1)[0].strip().lower() for line in head.split(b"\r\n") if b":" in line}
    wanted = [name.encode() for name in _SIGNED if name.encode() in names]
    # The From twice: nobody can add a second one (RFC 6376 section 8.15).
    signature = dkim.sign(
        raw,
        key.selector.encode(),
        key.domain.encode(),
        _opened(app, account, key).reveal().encode(),
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[*wanted, b"from"],
    )
    return bytes(signature) + raw


def _opened(app: App, account: Account, key: DkimKey) -> Secret:
    return app.vault.open_secret(key.sealed, _purpose(account))


def _purpose(account: Account) -> str:
    return f"dkim:{account.address}"
