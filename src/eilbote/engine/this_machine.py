"""What a diagnosis sees of this computer, and of the shape of a secret, which itself stays in the vault."""

from __future__ import annotations

import os
import re
import shutil
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from eilbote.diagnosis.evidence import Machine, SecretShape
from eilbote.engine.app import App
from eilbote.engine.connect import credential_of
from eilbote.errors import EilboteError
from eilbote.protocols.smtp.content import normalised
from eilbote.store.values import Account, AuthKind

_ODD_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad"
_TEMPTING = (
    b"Subject: a\r\n\r\n.\r\n..\r\n.a\r\n",
    b"Subject: a\n\n.\n..\n.a",
    b"Subject: a\r\rone\r.\rMAIL FROM:<a@example.org>\r",
    b"Subject: a\r\n\r\none\n.\r\nMAIL FROM:<a@example.org>\r\n",
    b"Subject: a\r\n\r\none\r\n.\nMAIL FROM:<a@example.org>\r\r\n",
)
_STORE_SECONDS = 2.0
"""How long the store is read: more belongs to `eilbote verify`."""

_REMOTE = ("nfs", "cifs", "smb", "sshfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs")


def look_at_machine(app: App) -> Machine:
    """The clock, the authorities that are trusted, TLS, disk, store and the key's file. Blocks."""
    stats = ssl.create_default_context()
    newest = max((_begin(one) for one in stats.get_ca_certs()), default=0.0)
    count = stats.cert_store_stats()["x509_ca"] or _certificate_files()
    key_mode: int | None = None
    try:
        key = app.vault.key_file
        key_mode = key.stat().st_mode & 0o777 if key is not None else None
    except EilboteError:
        key_mode = None  # the secret's own probe tells why
    home = app.config.home
    store, sound = "", None
    try:
        sound = app.store.database.soundness(_STORE_SECONDS)
    except EilboteError as failure:
        store = failure.problem.code
    return Machine(
        now=app.clock.now(),
        authorities=count,
        newest_authority=newest,
        openssl=ssl.OPENSSL_VERSION,
        has_tls13=ssl.HAS_TLSv1_3,
        free=shutil.disk_usage(home).free,
        is_remote_disk=_file_system(home) in _REMOTE,
        key_mode=key_mode,
        proxies=_proxies(os.environ),
        misshapen=misshapen_parts(),
        store=store,
        store_faults=sound.faults if sound is not None else (),
        store_read=sound.read if sound is not None else "",
        store_schema=sound.schema if sound is not None else 0,
    )


def misshapen_parts(form: Callable[[bytes], bytes] | None = None) -> tuple[str, ...]:
    """What the form in which mails leave here gets wrong, at mails that would be two for a careless server
    (CVE-2023-51764): `line ends`, `dots`, `text`."""
    form = form or _formed
    wrong: list[str] = []
    for content in _TEMPTING:
        formed = form(content)
        lines = formed.split(b"\r\n")
        if not formed.endswith(b"\r\n") or any(b"\r" in one or b"\n" in one for one in lines):
            wrong.append("line ends")
        if any(one.startswith(b".") and not one.startswith(b"..") for one in lines):
            wrong.append("dots")
        plain = b"\n".join(one[1:] if one.startswith(b".") else one for one in lines[:-1])
        if plain != re.sub(rb"\r\n|\r|\n", b"\n", content).removesuffix(b"\n"):
            wrong.append("text")
    return tuple(dict.fromkeys(wrong))


def _formed(content: bytes) -> bytes:
    return b"".join(normalised(content, 16, stuffed=True))


def look_at_secret(app: App, account: Account | None) -> SecretShape:
    """The shape of the account's secret; no byte of it leaves here. Blocks."""
    if account is None:
        return SecretShape(problem="account.unknown")
    command = account.auth in (AuthKind.COMMAND, AuthKind.OAUTH_COMMAND)
    try:
        secret = credential_of(app, account).secret.reveal()
    except EilboteError as failure:
        problem = failure.problem
        return SecretShape(problem=problem.code, command=command, told=dict(problem.parameters))
    return shape_of(secret, command=command)


def shape_of(secret: str, *, command: bool = False) -> SecretShape:
    """What tells a typing mistake, and no more."""
    stripped = secret.strip()
    return SecretShape(
        length=len(secret),
        edge_blank=secret != stripped,
        line_break="\n" in secret or "\r" in secret,
        odd_dash=any(one in secret for one in _ODD_DASHES),
        non_ascii=not secret.isascii(),
        is_letters=bool(re.fullmatch(r"[A-Za-z]+(?:[ -][A-Za-z]+)*", stripped)),
        groups=tuple(len(one) for one in re.split("[ -]", stripped))[:8],
        command=command,
    )


def _begin(certificate: Mapping[str, object]) -> float:
    told = certificate.get("notBefore")
    return float(ssl.cert_time_to_seconds(told)) if isinstance(told, str) else 0.0


def _certificate_files() -> int:
    folder = ssl.get_default_verify_paths().capath
    return sum(1 for _ in Path(folder).iterdir()) if folder and Path(folder).is_dir() else 0


def _file_system(path: Path) -> str:
    """The kind of file system under a path, as Linux tells it; "" elsewhere."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    whole = str(path.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        words = line.split(" ")
        if (
            len(words) > 2
            and (whole + "/").startswith(words[1].rstrip("/") + "/")
            and len(words[1]) >= len(best)
        ):
            best, kind = words[1], words[2]
    return kind


def _proxies(environ: Mapping[str, str]) -> tuple[str, ...]:
    names = ("http_proxy", "https_proxy", "all_proxy")
    return tuple(name for name in names if environ.get(name) or environ.get(name.upper()))
