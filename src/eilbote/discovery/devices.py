"""The settings of an account as other programs read them: Thunderbird's autoconfig, Outlook's autodiscover,
Apple's configuration profile, and the code that Thunderbird for Android scans.

Pure: an account's servers in, bytes out, the same for the same account. No password stands in any of them,
unless one is given for Apple's profile, the only form that has a place for it.
"""

from __future__ import annotations

import hashlib
import json
import plistlib
import re
from xml.sax.saxutils import escape, quoteattr

from msgspec.structs import replace

from eilbote.discovery.values import DeviceServer, DeviceSettings, Protocol

_OUTER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_INNER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_SOCKETS = {"tls": "SSL", "starttls": "STARTTLS", "none": "plain"}
_SCANNED_SECURITY = {"none": 0, "starttls": 2, "tls": 3}
_SCANNED_PASSWORD, _SCANNED_OAUTH = 1, 6
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold (XML 1.0 section 2.2)."""


def thunderbird(settings: DeviceSettings) -> bytes:
    """Autoconfig (draft-ietf-mailmaint-autoconfig): it may also be published for the whole domain, since user
    names that follow from the address are written as placeholders."""
    settings = _writable(settings)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f"  <emailProvider id={quoteattr(settings.domain)}>",
        f"    <domain>{escape(settings.domain)}</domain>",
        f"    <displayName>{escape(settings.domain)}</displayName>",
        f"    <displayShortName>{escape(settings.domain)}</displayShortName>",
    ]
    method = "OAuth2" if settings.oauth else "password-cleartext"
    for server in settings.servers:
        element = "outgoingServer" if server.protocol is Protocol.SMTP else "incomingServer"
        lines += [
            f'    <{element} type="{server.protocol.value}">',
            f"      <hostname>{escape(server.host)}</hostname>",
            f"      <port>{server.port}</port>",
            f"      <socketType>{_SOCKETS[server.security]}</socketType>",
            f"      <username>{escape(_placeholder(server.user, settings.address))}</username>",
            f"      <authentication>{method}</authentication>",
            f"    </{element}>",
        ]
    return "\n".join([*lines, "  </emailProvider>", "</clientConfig>", ""]).encode()


def outlook(settings: DeviceSettings) -> bytes:
    """The answer of autodiscover, version 1 (MS-OXDSCLI)."""
    settings = _writable(settings)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<Autodiscover xmlns="{_OUTER}">',
        f'  <Response xmlns="{_INNER}">',
        f"    <User><DisplayName>{escape(settings.name or settings.address)}</DisplayName></User>",
        "    <Account>",
        "      <AccountType>email</AccountType>",
        "      <Action>settings</Action>",
    ]
    for server in settings.servers:
        encryption = {"tls": "SSL", "starttls": "TLS", "none": "None"}[server.security]
        lines += [
            "      <Protocol>",
            f"        <Type>{server.protocol.value.upper()}</Type>",
            f"        <Server>{escape(server.host)}</Server>",
            f"        <Port>{server.port}</Port>",
            f"        <LoginName>{escape(server.user)}</LoginName>",
            "        <DomainRequired>off</DomainRequired>",
            "        <SPA>off</SPA>",
            f"        <SSL>{'off' if server.security == 'none' else 'on'}</SSL>",
            f"        <Encryption>{encryption}</Encryption>",
            "        <AuthRequired>on</AuthRequired>",
        ]
        if server.protocol is Protocol.SMTP:
            lines += ["        <UsePOPAuth>off</UsePOPAuth>", "        <SMTPLast>off</SMTPLast>"]
        lines.append("      </Protocol>")
    return "\n".join([*lines, "    </Account>", "  </Response>", "</Autodiscover>", ""]).encode()


def apple(settings: DeviceSettings, password: str | None = None) -> bytes:
    """A configuration profile with one mail account (Apple's `com.apple.mail.managed`). Installed again, it
    takes the place of the one before: its ids follow from the address."""
    settings = _writable(settings)
    receiving, sending = settings.receiving, settings.sending
    identifier = "eilbote." + _id_of(settings.address, "account")
    account: dict[str, object] = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.mail",
        "PayloadUUID": _id_of(settings.address, "mail"),
        "PayloadDisplayName": settings.address,
        "EmailAccountDescription": settings.address,
        "EmailAccountType": "EmailTypePOP" if receiving.protocol is Protocol.POP3 else "EmailTypeIMAP",
        "EmailAddress": settings.address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": receiving.host,
        "IncomingMailServerPortNumber": receiving.port,
        "IncomingMailServerUseSSL": receiving.security != "none",
        "IncomingMailServerUsername": receiving.user,
    }
    if settings.name:
        account["EmailAccountName"] = settings.name
    if password is not None and not _UNWRITABLE.search(password):  # else the device asks for it
        account["IncomingPassword"] = password
    if sending is not None:
        account |= {
            "OutgoingMailServerAuthentication": "EmailAuthPassword",
            "OutgoingMailServerHostName": sending.host,
            "OutgoingMailServerPortNumber": sending.port,
            "OutgoingMailServerUseSSL": sending.security != "none",
            "OutgoingMailServerUsername": sending.user,
            "OutgoingPasswordSameAsIncomingPassword": True,
        }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": _id_of(settings.address, "profile"),
        "PayloadDisplayName": settings.address,
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile)


def scanned(settings: DeviceSettings) -> str:
    """What Thunderbird for Android reads out of a QR code when it imports an account: a list of lists, as
    Thunderbird shows it on the desk."""
    method = _SCANNED_OAUTH if settings.oauth else _SCANNED_PASSWORD

    def server(one: DeviceServer) -> list[object]:
        kind = 1 if one.protocol is Protocol.POP3 else 0
        return [kind, one.host, one.port, _SCANNED_SECURITY[one.security], method, one.user]

    identity = [settings.address, settings.name or settings.address]
    outgoing = [[server(settings.sending), identity]] if settings.sending is not None else []
    whole = [1, [1, 1], [*server(settings.receiving), settings.address], outgoing]
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def _writable(settings: DeviceSettings) -> DeviceSettings:
    """Without signs that XML cannot hold in what the user has named."""

    def clean(server: DeviceServer) -> DeviceServer:
        return replace(server, user=_UNWRITABLE.sub("", server.user))

    return replace(
        settings,
        name=_UNWRITABLE.sub("", settings.name),
        receiving=clean(settings.receiving),
        sending=clean(settings.sending) if settings.sending is not None else None,
    )


def _placeholder(user: str, address: str) -> str:
    if user == address:
        return "%EMAILADDRESS%"
    return "%EMAILLOCALPART%" if user == address.rpartition("@")[0] else user


def _id_of(address: str, part: str) -> str:
    """A UUID that is always the same for this account (RFC 9562 section 5.8, with a hash of our choice)."""
    digits = list(hashlib.sha256(f"eilbote {part} {address.lower()}".encode()).hexdigest()[:32])
    digits[12], digits[16] = "8", "89ab"[int(digits[16], 16) % 4]
    text = "".join(digits)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
