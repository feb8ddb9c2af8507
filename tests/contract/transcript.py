"""Makes what two servers said comparable: wording, clocks and numbers of no meaning removed."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote_to_bytes

from tests.contract.raw_client import RawClient, Refused, Reply


def dialogue(client: RawClient, script: list[str | tuple[str, bytes]]) -> list[str]:
    """Runs commands one after the other and gives the normalised transcript."""
    names = Names()
    lines: list[str] = []
    for step in script:
        command, literals = (step, ()) if isinstance(step, str) else (step[0], (step[1],))
        lines.append(f"> {command}")
        try:
            reply = client(command, *literals)
        except Refused as refusal:
            said = bytes(refusal.args[0]).partition(b" ")[2]  # before or after the literal is all the same
            status, _, rest = said.partition(b" ")
            lines += normal(Reply([], status.decode(), rest), names)
            continue
        lines += normal(reply, names)
    return lines


class Names:
    """Gives numbers of no meaning (UIDVALIDITY) a name by the order in which they appear."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def of(self, number: str) -> str:
        return self._seen.setdefault(number, f"V{len(self._seen) + 1}")


def normal(reply: Reply, names: Names) -> list[str]:
    told = [line for line in (_untagged(raw, names) for raw in reply.untagged) if line]
    if any(line.startswith(("LIST", "LSUB", "STATUS")) for line in told):
        told.sort()
    return [*told, f"{reply.status} [{_code(reply.code, names)}]"]


def _untagged(raw: bytes, names: Names) -> str:
    text = raw.decode("latin-1").removeprefix("* ")  # a character for each octet, as literals count
    if text.endswith("RECENT"):
        return ""
    if text.startswith("OK"):
        code = re.match(r"OK \[([^\]]*)\]", text)
        return f"OK [{_code(code[1], names)}]" if code and "HIGHESTMODSEQ" not in code[1] else ""
    if text == "ENABLED":
        return ""
    if fetched := re.match(r"(\d+) FETCH \((.*)\)$", text, re.DOTALL):
        return f"{fetched[1]} FETCH {sorted(_items(fetched[2]))}"
    if text.startswith("LSUB"):
        return re.sub(r"\([^)]*\)", "()", text).replace('"', "")
    if re.match(r"(LIST|FLAGS)", text):
        return re.sub(r"\(([^)]*)\)", lambda inside: f"({_sorted(inside[1])})", text, count=1).replace(
            '"', ""
        )
    if text.startswith("STATUS"):
        text = re.sub(r"UIDVALIDITY (\d+)", lambda found: f"UIDVALIDITY {names.of(found[1])}", text)
        text = re.sub(r"HIGHESTMODSEQ \d+", "HIGHESTMODSEQ #", text).replace('"', "")
        head, _, inside = text.rstrip(")").partition("(")
        return f"{head}({sorted(re.findall(r'[A-Z]+ [^ ]+', inside))})"
    text = re.sub(r"MODSEQ \d+", "MODSEQ #", text)
    return re.sub(r'TAG "[^"]*"', "TAG", text)


def _code(code: str, names: Names) -> str:
    name, _, rest = code.partition(" ")
    match name:
        case "NONEXISTENT" | "CANNOT":
            return ""  # RFC 5530: nobody has to tell them
        case "UIDVALIDITY":
            return f"{name} {names.of(rest)}"
        case "APPENDUID" | "COPYUID":
            validity, _, uids = rest.partition(" ")
            return f"{name} {names.of(validity)} {uids}"
        case "HIGHESTMODSEQ":
            return f"{name} #"
        case "PERMANENTFLAGS":
            return f"{name} ({_sorted(rest.strip('()'))})"
        case _:
            return code


def _items(inside: str) -> list[str]:
    """Splits FETCH items at the top level, each normalised."""
    words: list[str] = []
    at = 0
    while at < len(inside):
        if inside[at] == " ":
            at += 1
            continue
        end = _end(inside, at)
        words.append(inside[at:end])
        at = end
    return [_item(name, value) for name, value in zip(words[::2], words[1::2], strict=True)]


def _end(text: str, at: int) -> int:
    if literal := re.compile(r"\{(\d+)\}\r\n").match(text, at):
        return literal.end() + int(literal[1])
    if text[at] == '"':
        found = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at)
        assert found
        return found.end()
    if text[at] == "(":
        at += 1
        while text[at] != ")":
            at = at + 1 if text[at] == " " else _end(text, at)
        return at + 1
    found = re.compile(r"(?:\[[^\]]*\]|[^ ()\[])+").match(text, at)
    assert found, text[at : at + 40]
    return found.end()


def _item(name: str, value: str) -> str:
    match name.upper():
        case "FLAGS":
            return f"FLAGS ({_sorted(value.strip('()'))})"
        case "MODSEQ":
            return "MODSEQ #"
        case "INTERNALDATE":
            when = datetime.strptime(value.strip('" '), "%d-%b-%Y %H:%M:%S %z")
            return f"INTERNALDATE {when.timestamp()}"
        case _ if value.startswith("{"):
            return f"{name.upper()} {value.partition(chr(10))[2]!r}"
        case _ if value.startswith('"'):
            return f"{name.upper()} {value[1:-1]!r}"
        case _:
            return f"{name.upper()} {_decoded_parameters(_without_literals(value))}"


def _without_literals(value: str) -> str:
    """A string may be quoted or a literal; inside lists, quoted here."""
    while found := re.search(r"\{(\d+)\}\r\n", value):
        end = found.end() + int(found[1])
        text = value[found.end() : end].replace("\\", "\\\\").replace('"', '\\"')
        value = f'{value[: found.start()]}"{text}"{value[end:]}'
    return value


def _decoded_parameters(value: str) -> str:
    """`"name*" "utf-8''a%20b"` as `"name" "a b"`: Dovecot tells a parameter of RFC 2231 as it was
    written until 2.3 and decoded, in UTF-8, from 2.4 on; a client reads both."""

    def decoded(found: re.Match[str]) -> str:
        text = unquote_to_bytes(found[3]).decode(found[2]).encode().decode("latin-1")
        return f'"{found[1]}" "{text}"'

    return re.sub(r'"([^"*]+)\*" "([^"\']+)\'[^"\']*\'([^"]*)"', decoded, value)


def _sorted(words: str) -> str:
    return " ".join(
        sorted(word for word in words.split() if word.lower() not in ("\\recent", "\\unmarked", "\\marked"))
    )
