"""The words of ManageSieve as values: what a server can do, which scripts it holds, what it said to one.

No logic beyond what a value says of itself.
"""

from __future__ import annotations

from typing import NewType

from msgspec import Struct

ScriptName = NewType("ScriptName", str)
"""The name of a script on a server: made by `encode.script_name`, or as the server listed it."""


class Capabilities(Struct, frozen=True):
    """What the server announced (RFC 5804 section 1.7). `names`: every capability, upper case.

    `mechanisms`: SASL, upper case. `extensions` of Sieve and methods to `notify` by, lower case.
    `redirects`: the most that one run of a script may do, None where it is untold. `version` is "" for a
    server that is older than the RFC: it has neither CHECKSCRIPT, RENAMESCRIPT nor NOOP. `owner`: whose
    scripts they are, after the login.
    """

    names: frozenset[str] = frozenset()
    mechanisms: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    redirects: int | None = None
    implementation: str = ""
    version: str = ""
    language: str = ""
    owner: str = ""

    def has(self, name: str) -> bool:
        return name in self.names


class Status(Struct, frozen=True):
    """How an answer ends: `kind` OK, NO or BYE; the response code in upper case (RFC 5804 section 1.3) or
    "", its `arguments`, and the server's words, of which a line break is kept."""

    kind: str
    code: str = ""
    arguments: tuple[str, ...] = ()
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.kind == "OK"

    @property
    def line(self) -> str:
        """The words on one line, at most 1000 characters."""
        return " ".join(self.text.split())[:1000]


class ListedScript(Struct, frozen=True):
    """A script that lies on the server. At most one is active there: it is the one that filters."""

    name: ScriptName
    active: bool = False


class ScriptListing(Struct, frozen=True):
    """Every script, as the server ordered them. `unreadable`: lines that could not be used."""

    scripts: tuple[ListedScript, ...] = ()
    unreadable: int = 0

    @property
    def active(self) -> ScriptName | None:
        return next((one.name for one in self.scripts if one.active), None)

    def find(self, name: str) -> ListedScript | None:
        return next((one for one in self.scripts if one.name == name), None)


class Remark(Struct, frozen=True):
    """One thing that the server said of a script. `line` and `column` from 1, None where it named none."""

    text: str
    line: int | None = None
    column: int | None = None


class Judgement(Struct, frozen=True):
    """What the server makes of a script: whether it takes it, its words in full, and what they say of single
    lines (warnings where it takes it, errors where it does not)."""

    accepted: bool
    text: str = ""
    remarks: tuple[Remark, ...] = ()
