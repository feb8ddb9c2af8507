"""Servers on loopback that behave as badly as a scenario wants, and remember what they were told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from eilbote.diagnosis.evidence import Protocol
from eilbote.store.values import Security, Server

LOOPBACK = "127.0.0.1"
IMAP_ABILITIES = "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE NAMESPACE UIDPLUS IDLE"
SECRET = "Kirschkuchen-77"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass
class Peer:
    """How one server behaves. An answer is what stands after the tag (IMAP) or the whole reply (SMTP, POP3);
    "" is a friendly one. `elsewhere`: to a recipient outside of example.org; `challenge`: said after the
    first answer of a login. `inject`: said in the same packet as the consent to STARTTLS; `raw`: these bytes
    and nothing else; `mute`: a login is never answered."""

    protocol: Protocol = Protocol.IMAP
    greeting: str = ""
    abilities: str | None = None
    login: str = ""
    listing: str = ""
    mail: str = ""
    rcpt: str = ""
    elsewhere: str = ""
    challenge: str = ""
    ehlo: str = ""
    starttls: str = ""
    inject: bytes = b""
    raw: bytes | None = None
    silent: bool = False
    hang_up: bool = False
    mute: bool = False
    no_starttls: bool = False
    context: ssl.SSLContext | None = None
    implicit: bool = False
    untagged: str = ""
    port: int = 0
    logins: int = 0
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)
    """All that clients said, on protected lines too."""

    @property
    def server(self) -> Server:
        security = Security.NONE
        if self.context is not None or self.no_starttls or self.inject:
            security = Security.TLS if self.implicit else Security.STARTTLS
        return Server(LOOPBACK, self.port, security)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Peer]:
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            try:
                await Talk(self, reader, writer).run()
            except (
                ConnectionError,
                ssl.SSLError,
                asyncio.IncompleteReadError,
                asyncio.CancelledError,
                OSError,
            ):
                pass
            finally:
                writer.transport.abort()

        context = self.context if self.implicit else None
        server = await asyncio.start_server(serve, LOOPBACK, self.port, ssl=context, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()


class Talk:
    """One connection to a peer."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.reader = reader
        self.writer = writer
        self.protected = peer.implicit and peer.context is not None

    async def say(self, text: str) -> None:
        self.writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        await self.writer.drain()

    async def hear(self) -> str:
        line = await self.reader.readuntil(b"\n")
        self.peer.heard += line
        return line.decode("utf-8", "replace").rstrip("\r\n")

    async def run(self) -> None:
        peer = self.peer
        if peer.hang_up:
            return
        if peer.raw is not None:
            self.writer.write(peer.raw)
            await self.writer.drain()
            await self.swallow()
        if peer.silent:
            await self.swallow()
        match peer.protocol:
            case Protocol.IMAP:
                await self.imap()
            case Protocol.SMTP:
                await self.smtp()
            case Protocol.POP3:
                await self.pop3()

    async def swallow(self) -> None:
        while data := await self.reader.read(4096):
            self.peer.heard += data

    async def upgrade(self, consent: str) -> bool:
        peer = self.peer
        if peer.starttls:
            await self.say(peer.starttls)
            return False
        self.writer.write(consent.encode() + b"\r\n" + peer.inject)
        await self.writer.drain()
        if peer.context is None:
            await self.swallow()
            return False
        await self.writer.start_tls(peer.context)
        self.protected = True
        return True

    # --- IMAP ----------------------------------------------------------------------------------------

    def imap_abilities(self) -> str:
        if self.peer.abilities is not None:
            return self.peer.abilities
        more = " AUTH=PLAIN"
        if not self.protected and self.peer.server.security is Security.STARTTLS:
            more = " LOGINDISABLED" if self.peer.no_starttls else " STARTTLS LOGINDISABLED"
        return IMAP_ABILITIES + more

    async def imap(self) -> None:
        peer = self.peer
        await self.say(peer.greeting or "* OK ready")
        if peer.greeting.startswith("* BYE"):
            return
        while True:
            tag, _, rest = (await self.hear()).partition(" ")
            word = rest.partition(" ")[0].upper()
            match word:
                case "CAPABILITY":
                    await self.say(f"* CAPABILITY {self.imap_abilities()}\n{tag} OK done")
                case "STARTTLS":
                    if not await self.upgrade(f"{tag} OK begin") and not peer.starttls:
                        return
                case "AUTHENTICATE" | "LOGIN":
                    peer.logins += 1
                    if word == "AUTHENTICATE" and len(rest.split()) < 3:
                        await self.say("+ ")
                        await self.hear()
                    if peer.mute:
                        await self.swallow()
                    if peer.challenge:
                        await self.say(f"+ {peer.challenge}")
                        await self.hear()
                    if peer.untagged:
                        await self.say(peer.untagged)
                    await self.say(f"{tag} {peer.login or 'OK welcome'}")
                    if "Basic authentication is disabled" in peer.login:
                        await self.say("* BYE Microsoft Exchange Server IMAP4 server signing off.")
                        return
                case "LIST":
                    if peer.listing:
                        await self.say(f"{tag} {peer.listing}")
                    else:
                        await self.say(f'* LIST () "/" INBOX\n{tag} OK done')
                case "STATUS":
                    await self.say(
                        f"* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 UNSEEN 0)\n{tag} OK done"
                    )
                case "SELECT" | "EXAMINE":
                    await self.say(
                        f"* 0 EXISTS\n* FLAGS (\\Seen)\n* OK [UIDVALIDITY 7] ok\n* OK [UIDNEXT 1] ok\n"
                        f"* OK [PERMANENTFLAGS (\\Seen \\*)] ok\n{tag} OK [READ-WRITE] done"
                    )
                case "LOGOUT":
                    await self.say(f"* BYE bye\n{tag} OK done")
                    return
                case _:
                    await self.say(f"{tag} OK done")

    # --- SMTP ----------------------------------------------------------------------------------------

    async def smtp(self) -> None:
        peer = self.peer
        await self.say(peer.greeting or "220 ready ESMTP")
        if not (peer.greeting or "220").startswith("220"):
            await self.swallow()
        while True:
            line = await self.hear()
            word = line.partition(" ")[0].upper()
            if word == "EHLO":
                await self.say(peer.ehlo or self.ehlo())
            elif word == "STARTTLS":
                if not await self.upgrade("220 begin") and not peer.starttls:
                    return
            elif word == "AUTH":
                peer.logins += 1
                if len(line.split()) < 3:
                    await self.say("334 ")
                    await self.hear()
                await self.say(peer.login or "235 welcome")
            elif word == "MAIL":
                await self.say(peer.mail or "250 ok")
            elif word == "RCPT":
                away = "@example.org" not in line and peer.elsewhere
                await self.say(away or peer.rcpt or "250 ok")
            elif word == "QUIT":
                await self.say("221 bye")
                return
            else:
                await self.say("250 ok")

    def ehlo(self) -> str:
        if self.peer.abilities is not None:
            return self.peer.abilities
        more = ["SIZE 20000000", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING"]
        if not self.protected and self.peer.server.security is Security.STARTTLS:
            more += [] if self.peer.no_starttls else ["STARTTLS"]
        else:
            more.append("AUTH PLAIN LOGIN")
        lines = ["peer.example", *more]
        return "\n".join(f"250-{one}" for one in lines[:-1]) + f"\n250 {lines[-1]}"

    # --- POP3 ----------------------------------------------------------------------------------------

    async def pop3(self) -> None:
        peer = self.peer
        await self.say(peer.greeting or "+OK ready")
        while True:
            line = await self.hear()
            word = line.partition(" ")[0].upper()
            if word == "CAPA":
                starttls = self.peer.server.security is Security.STARTTLS
                stls = starttls and not self.protected and not peer.no_starttls
                await self.say("+OK\nUSER\nSASL PLAIN\nUIDL" + ("\nSTLS" if stls else "") + "\n.")
            elif word == "STLS":
                if not await self.upgrade("+OK begin"):
                    return
            elif word == "AUTH":
                peer.logins += 1
                if len(line.split()) < 3:
                    await self.say("+ ")
                    await self.hear()
                await self.say(peer.login or "+OK welcome")
            elif word == "PASS":
                peer.logins += 1
                await self.say(peer.login or "+OK welcome")
            elif word == "QUIT":
                await self.say("+OK bye")
                return
            else:
                await self.say("+OK")


# --- certificates ----------------------------------------------------------------------------------------


@dataclass
class Authority:
    """A certificate authority of the tests' own."""

    name: str = "Testamt"
    parent: Authority | None = None
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    days: tuple[float, float] = (-10, 3650)
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        issuer = self.parent
        self.certificate = (
            _builder(self.name, issuer.name if issuer else self.name, self.key, self.days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(issuer.key if issuer else self.key, hashes.SHA256())
        )

    def issue(
        self,
        folder: Path,
        *,
        names: tuple[str, ...] = ("localhost", LOOPBACK),
        days: tuple[float, float] = (-10, 90),
        key: Key | None = None,
        with_chain: bool = True,
        issuer_url: str = "",
        common_name: str = "server",
        tune: Callable[[ssl.SSLContext], None] | None = None,
    ) -> ssl.SSLContext:
        """A server's TLS with a certificate of this authority."""
        pem = pem_of(
            self,
            names=names,
            days=days,
            key=key,
            with_chain=with_chain,
            issuer_url=issuer_url,
            common_name=common_name,
        )
        return _server_context(folder, pem, tune)

    def file(self, folder: Path) -> Path:
        """The certificate, for those that shall trust it."""
        path = folder / f"authority-{self.certificate.serial_number}.pem"
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def pem_of(
    authority: Authority,
    *,
    names: tuple[str, ...] = ("localhost", LOOPBACK),
    days: tuple[float, float] = (-10, 90),
    key: Key | None = None,
    with_chain: bool = True,
    issuer_url: str = "",
    common_name: str = "server",
) -> bytes:
    """The key, the certificate and the chain of a server, as PEM."""
    mine = key or ec.generate_private_key(ec.SECP256R1())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        _builder(common_name, authority.name, mine, days)
        .add_extension(_names(names), critical=False)
        .add_extension(issuer, critical=False)
    )
    if issuer_url:
        place = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_url)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
    chain = [builder.sign(authority.key, hashes.SHA256())]
    above: Authority | None = authority
    while with_chain and above is not None and above.parent is not None:
        chain.append(above.certificate)
        above = above.parent
    return _pem(chain, mine)


def self_signed_pem(names: tuple[str, ...] = ("localhost", LOOPBACK)) -> bytes:
    """A key and the certificate that it has made for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        _builder("selbst", "selbst", key, (-10, 900))
        .add_extension(_names(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem([leaf], key)


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that it has made itself."""
    return _server_context(folder, self_signed_pem(), None)


def _builder(subject: str, issuer: str, key: Key, days: tuple[float, float]) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for one in names:
        number = one.replace(".", "").isdigit()
        found.append(x509.IPAddress(ip_address(one)) if number else x509.DNSName(one))
    return x509.SubjectAlternativeName(found)


def _pem(chain: list[x509.Certificate], key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def _server_context(
    folder: Path, pem: bytes, tune: Callable[[ssl.SSLContext], None] | None
) -> ssl.SSLContext:
    path = folder / f"server-{hash(pem) & 0xFFFFFFFF:08x}.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path)
    if tune is not None:
        tune(context)
    return context
