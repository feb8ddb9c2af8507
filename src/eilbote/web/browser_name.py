"""What a browser calls itself (User-Agent, RFC 9110 section 10.1.5), in two words: so that people know their
sessions again. It says what anybody likes to say, and decides nothing.
"""

from __future__ import annotations

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
)
"""In this order: a later one is also named by those before it."""

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(said: str) -> str:
    """Such as `Firefox, Linux`; empty where nothing of it is known."""
    named = (
        next((name for sign, name in known if sign in said[:500]), "") for known in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(filter(None, named))
