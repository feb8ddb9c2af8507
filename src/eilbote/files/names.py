"""Levels of mailbox names as names of files and folders, and back.

Signs that a file's name cannot hold, and endings that mean something here, are written `%XX`. Only
what would be written so is read so: a folder that somebody called `100%25` keeps its name.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"%([0-9A-F]{2})")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]')
_ENDINGS = (".mbox", ".sbd", ".msf", ".index", ".eml", ".jsonl")


def to_name(level: str) -> str:
    """A level of a mailbox's name as the name of a file or folder. Half characters become `_`."""
    name = _UNSAFE.sub(_escape, level.encode("utf-8", "replace").decode())
    dot = name.rfind(".") if name.lower().endswith(_ENDINGS) else 0 if name.startswith(".") else -1
    return name if dot < 0 else f"{name[:dot]}%2E{name[dot + 1 :]}"


def from_name(name: str) -> str:
    """The inverse of `to_name`; any other name is a level as it stands."""
    level = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
    return level if to_name(level) == name else name


def _escape(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"
