"""Domains that are one slip of the finger away from one that very many people have (DISC01)."""

from __future__ import annotations

LARGEST = (
    "gmail.com", "googlemail.com", "outlook.com", "outlook.de", "hotmail.com", "hotmail.de", "live.com",
    "live.de", "msn.com", "yahoo.com", "yahoo.de", "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com",
    "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "t-online.de", "magenta.de", "freenet.de",
    "arcor.de", "vodafonemail.de", "posteo.de", "mailbox.org", "mail.de", "mail.com", "online.de",
    "bluewin.ch", "a1.net", "aon.at", "proton.me", "protonmail.com", "fastmail.com", "orange.fr", "libero.it",
)  # fmt: skip
"""The forty, those of German-speaking countries first of all."""


def meant(domain: str) -> str:
    """The domain that was probably meant, empty where nothing looks like a slip."""
    domain = domain.lower()
    if domain in LARGEST:
        return ""
    return next((one for one in LARGEST if is_slip(domain, one)), "")


def is_slip(typed: str, wanted: str) -> bool:
    """One sign too many, too few, another one, or two that changed places."""
    if typed == wanted or abs(len(typed) - len(wanted)) > 1:
        return False
    at = 0
    while at < min(len(typed), len(wanted)) and typed[at] == wanted[at]:
        at += 1
    rest, other = typed[at:], wanted[at:]
    return (
        rest[1:] == other[1:]
        or rest[1:] == other
        or rest == other[1:]
        or (rest[:2] == other[:2][::-1] and rest[2:] == other[2:])
    )
