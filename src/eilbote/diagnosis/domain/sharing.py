"""What was seen of a domain, without saying whose it is: names, numbers and keys get stand-ins.

Each gets the same one wherever it occurs, and keeps what is judged by: what lies below what, which key equals
which, how long a key is. Names of providers that everybody knows stay.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Collection
from functools import partial
from ipaddress import ip_address
from typing import Any

from eilbote.diagnosis.domain.servers import network_of
from eilbote.diagnosis.domain.signed import is_known_issuer

_NAME = re.compile(r"(?<![\w-])(?<![\w-]\.)(?:[\w*-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-])")
_MAIL = re.compile(r"[\w.+=#!-]{1,64}@(?=[\w-])")
_NUMBER = re.compile(
    r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)"
    r"|(?:(?<=ip6:)|(?<![\w.:-]))(?=[0-9a-f]*:)[0-9a-f:.]{2,45}(?![\w:])",
    re.IGNORECASE,
)
_TURNED = re.compile(r"(?<![\w.-])(?:(\d{1,3}(?:\.\d{1,3}){3})|((?:[0-9a-f]\.){31}[0-9a-f]))(?=\.[a-z])")
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{40,}(?![0-9A-Za-z])", re.IGNORECASE)
_BASE64 = re.compile(r"(?<![0-9A-Za-z+/])[A-Za-z0-9+/]{40,}={0,2}")
_SECOND_LEVEL = ("co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "gv")
_PLAIN = re.compile(r"_.*|\*|mx\d*|mail\d*|ns\d*|smtp|imap|www|mta-sts|autoconfig|default|report")
_FILES = ("txt", "html", "xml", "svg", "pem", "json", "php")
_KEY_HEAD = 44
"""Signs of a key in Base64 that say of what kind and how long it is."""


class DomainHiding:
    """The stand-ins of one transcript. `public`: names that say nothing of anybody."""

    def __init__(self, own: str, public: Collection[str]) -> None:
        self._public = {one.lower() for one in public} | _bases_of(public)
        self._own = _base(own)
        self._bases: dict[str, str] = {self._own: "example.org"}
        self._labels: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._networks: dict[str, int] = {}
        self._in_network: dict[str, int] = {}
        self._keys: dict[str, int] = {}

    def hidden(self, value: Any, key: str = "") -> Any:
        """A value out of a transcript with all its strings hidden."""
        match value:
            case str():
                return self._text(value, key)
            case dict():
                return {name: self.hidden(inner, name) for name, inner in value.items()}
            case list() | tuple():
                return [self.hidden(one, key) for one in value]
            case _:
                return value

    def _text(self, text: str, key: str) -> str:
        if key in ("type", "kind", "outcome", "protocol", "security", "version", "cipher", "key"):
            return text
        if key == "subject" or (key == "issuer" and not is_known_issuer(text)):
            return ""
        found: list[str] = []

        def kept(stand: Callable[[re.Match[str]], str], match: re.Match[str]) -> str:
            found.append(stand(match))
            return f"\0{len(found) - 1}\0"

        text = text.replace("\0", "")  # ours alone mark a place

        # What one pattern has replaced the next one must not read again.
        for pattern, stand in (
            (_TURNED, self._turned),
            (_MAIL, lambda match: "someone@"),
            (_NAME, self._name),
            (_NUMBER, self._number),
            (_HEX, self._hex),
            (_BASE64, self._base64),
        ):
            text = pattern.sub(partial(kept, stand), text)
        while "\0" in text:
            text = re.sub("\0(\\d+)\0", lambda match: found[int(match[1])], text)
        return text

    def _name(self, match: re.Match[str]) -> str:
        name = match[0].lower()
        if name in self._public or name.rpartition(".")[2] in (*_FILES, "arpa"):
            return match[0]
        labels = name.split(".")
        fixed = [one for one in labels if one.startswith("_")]
        if fixed and self._own.endswith("." + ".".join(labels[len(fixed) :])):
            return ".".join([*fixed, "org"])  # what the domain itself lies in
        for at in range(len(labels)):
            if ".".join(labels[at:]) in self._public:
                # Providers make names of their customers' names (`firma-de.mail.protection.outlook.com`).
                return ".".join([*(self._label(one, labels[:at]) for one in range(at)), *labels[at:]])
        base = _base(name)
        if "." not in base:
            return match[0]
        stand = self._bases.setdefault(base, f"domain{len(self._bases)}.example")
        above = labels[: len(labels) - len(base.split("."))]
        return ".".join([*(self._label(at, above) for at in range(len(above))), stand])

    def _label(self, at: int, labels: list[str]) -> str:
        label = labels[at]
        is_selector = at + 1 < len(labels) and labels[at + 1] == "_domainkey"
        if is_selector or _PLAIN.fullmatch(label) or label in self._own.split("."):
            return self._own_label(label)
        return self._labels.setdefault(label, f"h{len(self._labels) + 1}")

    def _own_label(self, label: str) -> str:
        """The name of a foreign record may have our own domain in front (`firma.de._report._dmarc…`)."""
        labels = self._own.split(".")
        if label == labels[0]:
            return "example"
        return "org" if label in labels[1:] else label

    def _number(self, match: re.Match[str]) -> str:
        return self._stand_in(match[0])

    def _stand_in(self, text: str) -> str:
        try:
            number = ip_address(text)
        except ValueError:
            return text
        if not number.is_global:
            return text  # everybody has such addresses
        if str(number) in self._numbers:
            return self._numbers[str(number)]
        # What lay in one network stays together: that is judged (RFC 2182).
        net = network_of(str(number))
        at = self._networks.setdefault(net, len(self._networks))
        self._in_network[net] = count = self._in_network.get(net, 0) + 1
        if number.version == 6:
            stand = f"2001:db8:{at:x}::{count:x}"
        else:
            stand = f"{f'198.18.{at % 256}' if at else '192.0.2'}.{(count - 1) % 250 + 1}"
        return self._numbers.setdefault(str(number), stand)

    def _turned(self, match: re.Match[str]) -> str:
        """An address as it is asked for: from its end."""
        if match[1]:
            number = ".".join(reversed(match[1].split(".")))
            return ".".join(reversed(self._stand_in(number).split(".")))
        nibbles = "".join(reversed(match[2].split(".")))
        stand = self._stand_in(str(ip_address(int(nibbles, 16).to_bytes(16, "big"))))
        return ip_address(stand).reverse_pointer.removesuffix(".ip6.arpa")

    def _hex(self, match: re.Match[str]) -> str:
        count = self._keys.setdefault(match[0].lower(), len(self._keys) + 1)
        return f"{count:0{len(match[0])}x}"

    def _base64(self, match: re.Match[str]) -> str:
        text = match[0].rstrip("=")
        count = self._keys.setdefault(text, len(self._keys) + 1)
        if len(text) <= _KEY_HEAD + 8:  # a short key has no head to keep
            return b64encode(count.to_bytes(32, "big")).decode()
        mark = b64encode(count.to_bytes(3, "big")).decode()
        return (text[:_KEY_HEAD] + mark).ljust(len(text), "A") + match[0][len(text) :]


def _base(name: str) -> str:
    """The part of a name that somebody has registered, as good as can be told without a list."""
    labels = [one for one in name.lower().rstrip(".").split(".") if not one.startswith("_")]
    long = len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2
    return ".".join(labels[-3:] if long else labels[-2:])


def _bases_of(names: Collection[str]) -> set[str]:
    return {_base(one) for one in names}
