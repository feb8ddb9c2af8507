"""A domain as people write it and as the wire has it: `müller.de` and `xn--mller-kva.de`.

Never looks anything up and never raises.
"""

from __future__ import annotations

import re
import unicodedata

_LABEL = re.compile(r"(?![-_])[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LITERAL = re.compile(r"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_LONGEST = 253  # RFC 1035 section 2.3.4, without the length octets


def domain_for_people(domain: str) -> str:
    """With the letters of its language, lower case: two spellings of one domain become equal. A label
    that means nothing in Punycode stays as it is."""
    labels = []
    for label in domain.lower().split("."):
        plain = label
        if label.startswith("xn--") and label.isascii() and len(label) < 64:
            try:
                plain = label[4:].encode("ascii").decode("punycode")
            except UnicodeError:
                plain = label
        labels.append(plain if domain_for_wire(plain) == label else label)
    return unicodedata.normalize("NFC", ".".join(labels))


def domain_for_wire(domain: str) -> str:
    """As DNS and certificates have it (RFC 5891 section 4.4), each label by itself. The standard
    library's `idna` is that of 2003 and would turn `ß` into `ss`: another host."""
    labels = unicodedata.normalize("NFKC", domain).lower().split(".")
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode", "replace").decode("ascii")
        for label in labels
    )


def is_domain_on_wire(domain: str) -> bool:
    """Whether this can stand after the `@` of an address on the wire: labels of letters, digits and
    hyphens (RFC 5321 section 4.1.2; `_` happens), or an address literal (section 4.1.3)."""
    if domain.startswith("["):
        return _LITERAL.fullmatch(domain) is not None
    return len(domain) <= _LONGEST and all(_LABEL.fullmatch(label) for label in domain.split("."))
