"""Mails made to hurt a reader: each grows with `n`, its size in bytes, more or less."""

from __future__ import annotations

from collections.abc import Callable

_HEAD = b"From: a@example.org\r\nSubject: x\r\n"
_MIXED = b"Content-Type: multipart/mixed; boundary="


def _body(piece: bytes, fields: bytes = b"") -> Callable[[int], bytes]:
    return lambda n: _HEAD + fields + b"\r\n" + piece * (n // len(piece))


def _field(name: bytes, piece: bytes, start: bytes = b"") -> Callable[[int], bytes]:
    return lambda n: name + b": " + start + piece * (n // len(piece)) + b"\r\n\r\nx"


def _nested_multiparts(n: int) -> bytes:
    return _HEAD + b"".join(b"%sb%d\r\n\r\n--b%d\r\n" % (_MIXED, i, i) for i in range(n // 52))


def _growing_boundaries(n: int) -> bytes:
    levels = b"".join(b"%s%s\r\n\r\n--%s\r\n" % (_MIXED, b"b" * i, b"b" * i) for i in range(1, 50))
    return _HEAD + levels + (b"\n--" + b"b" * 60) * (n // 63)


def _numbered_pieces(n: int) -> bytes:
    pieces = b"".join(b" filename*%d*=%%41;" % i for i in range(n // 19))
    return _HEAD + b"Content-Disposition: attachment;" + pieces + b"\r\n\r\nx"


def _wide_table(n: int) -> bytes:
    cells = b"<tr><td>" + b"w" * (n // 2) + b"<tr><td>y<td>z" * (n // 28)
    return _HEAD + b"Content-Type: text/html\r\n\r\n<table>" + cells


_HTML = b"Content-Type: text/html\r\n"

BOMBS: dict[str, Callable[[int], bytes]] = {
    "multiparts within each other": _nested_multiparts,
    "one boundary within itself": lambda n: _HEAD + (_MIXED + b"b\r\n\r\n--b\r\n") * (n // 50),
    "boundaries that begin alike": _growing_boundaries,
    "delimiters without end": _body(b"--b\r\n", _MIXED + b"b\r\n"),
    "tiny parts": _body(b"--b\r\nA: b\r\n\r\nx\r\n", _MIXED + b"b\r\n"),
    "lines that look like delimiters": _body(b"--bX\r\n", _MIXED + b"b\r\n"),
    "messages within each other": lambda n: _HEAD + b"Content-Type: message/rfc822\r\n\r\n" * (n // 32),
    "digest of messages": _body(
        b"--b\r\n\r\nSubject: x\r\n\r\ny\r\n", b"Content-Type: multipart/digest; boundary=b\r\n"
    ),
    "RFC 2231 continuations": _numbered_pieces,
    "parameters": _field(b"Content-Type", b'a="b"; ', b"text/plain; "),
    "semicolons": _field(b"Content-Type", b";", b"multipart/mixed"),
    "open quoted parameter": _field(b"Content-Type", b'\\"', b'text/plain; name="'),
    "boundary= repeated": _field(b"Content-Type", b"boundary=", b"multipart/mixed; "),
    "fields": lambda n: b"X: y\r\n" * (n // 6) + b"\r\nx",
    "recipients, a field each": lambda n: b"To: a@b\r\n" * (n // 9) + b"\r\nx",
    "fields without a body": lambda n: b"X: y\r\n" * (n // 6),
    "a field without end": _field(b"X", b"y"),
    "a subject without end": _field(b"Subject", b"y"),
    "a line without colon": lambda n: b"a" * n,
    "spaces after a name": lambda n: b"From" + b" " * n,
    "folds": lambda n: b"Subject: a\r\n" + b" b\r\n" * (n // 4) + b"\r\nx",
    "open comments": _field(b"From", b"("),
    "comments": _field(b"From", b"(a)"),
    "open quotes": _field(b"From", b'"'),
    "escaped quotes": _field(b"From", b'\\"', b'"'),
    "open brackets": _field(b"From", b"<"),
    "groups": _field(b"To", b"a:"),
    "addresses": _field(b"To", b"a@b,"),
    "colons after an address": _field(b"To", b"a@b: "),
    "open encoded words": _field(b"Subject", b"=?utf-8?B?"),
    "encoded words": _field(b"Subject", b"=?utf-8?Q?a?= "),
    "references": _field(b"References", b"<a@b> "),
    "numbers for a date": _field(b"Date", b"1 Jan 2000 "),
    "base64 with padding everywhere": _body(b"A=A!", b"Content-Transfer-Encoding: base64\r\n"),
    "only padding": _body(b"=", b"Content-Transfer-Encoding: base64\r\n"),
    "soft line breaks": _body(b"=\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n"),
    "uuencoded beginnings": _body(b"begin 644 a\r\n"),
    "empty uuencoded lines": lambda n: _HEAD + b"\r\nbegin 644 a\r\n" + b"M#\r\n" * (n // 4),
    "flowed quotes": _body(b"> \r\n", b"Content-Type: text/plain; format=flowed\r\n"),
    "tables within each other": _body(b"<table><tr><td>", _HTML),
    "one wide cell": _wide_table,
    "open comments in HTML": _body(b"<!--", _HTML),
    "open tags": _body(b"<a ", _HTML),
    "hidden elements": _body(b"<p hidden>x", _HTML),
    "attributions": _body(b"Am 1. Mai schrieb x:\r\n"),
    "quoted heads": _body(b"Von: x\r\n"),
    "signatures": _body(b"-- \r\nSent from x\r\n"),
    "lone CR": lambda n: b"From: a@b\r\r" + b"\r" * n,
    "NUL": lambda n: b"\0" * n,
    "half characters in UTF-7": _body(b"+2AA-", b"Content-Type: text/plain; charset=utf-7\r\n"),
    "bytes of no charset": _body(bytes(range(128, 256))),
    "a charset without end": _field(b"Content-Type", b"x", b"text/plain; charset="),
}
