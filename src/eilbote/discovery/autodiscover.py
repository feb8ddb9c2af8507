"""Autodiscover, as Exchange and many hosters answer it (MS-OXDSCLI): only the names of servers are taken,
and no password is ever sent.

Version 1 is a POST of a little XML, answered with XML; version 2 a GET, answered with JSON that names the
host of an Exchange server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import msgspec

from eilbote.discovery.autoconfig import Published, is_host
from eilbote.discovery.values import Candidate, Protocol, Source, Told
from eilbote.discovery.xml import Element, Unreadable, read_xml
from eilbote.errors import Problem
from eilbote.mail.domain import domain_for_wire

CONTENT_TYPE = "text/xml"
_PATH = "/autodiscover/autodiscover.xml"
_REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
_RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_TYPES = {"IMAP": Protocol.IMAP, "POP3": Protocol.POP3, "SMTP": Protocol.SMTP}
_DEFAULT_PORTS = {Protocol.IMAP: 993, Protocol.POP3: 995, Protocol.SMTP: 465}
_PLAIN_PORTS = {143, 110, 587, 25}


def discovered_at(domain: str) -> tuple[Published, ...]:
    """Where version 1 is asked, in this order."""
    return (Published(f"autodiscover.{domain}", _PATH), Published(domain, _PATH))


def named_by_json(address: str, domain: str) -> Published:
    """Where version 2 is asked."""
    path = f"/autodiscover/autodiscover.json/v1.0/{quote(address, safe='@')}?Protocol=AutodiscoverV1"
    return Published(f"autodiscover.{domain}", path)


def question(address: str) -> bytes:
    """What is sent to version 1: the address, and nothing that is secret."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{_REQUEST}"><Request>'
        f"<EMailAddress>{escape(address)}</EMailAddress>"
        f"<AcceptableResponseSchema>{_RESPONSE}</AcceptableResponseSchema></Request></Autodiscover>"
    ).encode()


def read_xml_answer(content: bytes, where: str) -> Told:
    """The servers that an answer of version 1 names."""
    try:
        root = read_xml(content)
    except Unreadable as why:
        problem = Problem("discovery.unreadable", {"where": where, "reason": str(why)})
        return Told(Source.AUTODISCOVER, problem=problem, where=where)
    found = tuple(candidate for one in root.below("Protocol") for candidate in _server(one, where))
    return Told(Source.AUTODISCOVER, found[:10], where=where)


def read_json_answer(content: bytes, where: str) -> Told:
    """The Exchange server whose address an answer of version 2 names: IMAP, POP3 and submission at the same
    host, if it has them."""
    try:
        told = msgspec.json.decode(content, type=dict[str, str])
        host = domain_for_wire(urlsplit(told.get("Url", "")).hostname or "")
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError):
        host = ""
    if not is_host(host):
        problem = Problem("discovery.unreadable", {"where": where, "reason": "no URL"})
        return Told(Source.AUTODISCOVER, problem=problem, where=where)
    servers = (
        (Protocol.IMAP, 993, "tls"),
        (Protocol.POP3, 995, "tls"),
        (Protocol.SMTP, 587, "starttls"),
    )
    named = tuple(
        Candidate(protocol, host, port, security, Source.AUTODISCOVER, where)
        for protocol, port, security in servers
    )
    return Told(Source.AUTODISCOVER, named, where=where)


def _server(element: Element, where: str) -> Iterator[Candidate]:
    protocol = _TYPES.get(element.said("Type").upper())
    host = domain_for_wire(element.said("Server")).lower().rstrip(".")
    if protocol is None or not is_host(host):
        return
    said = element.said("Port")
    port = int(said) if re.fullmatch(r"[0-9]{1,5}", said) else _DEFAULT_PORTS[protocol]
    encryption = element.said("Encryption").lower()
    if encryption == "none" or (not encryption and element.said("SSL").lower() == "off"):
        return  # a server without protection is not taken
    starts_plain = port in _PLAIN_PORTS or (encryption == "tls" and port not in _DEFAULT_PORTS.values())
    security = "starttls" if starts_plain else "tls"
    if 0 < port < 65_536:
        user = element.said("LoginName")[:320]
        yield Candidate(protocol, host, port, security, Source.AUTODISCOVER, where, user=user)
