"""How much a server may make us hold: every bound of the IMAP engine in one value.

Values only. A bound is passed in, never looked up; tests take smaller ones.
"""

from __future__ import annotations

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class Limits(Struct, frozen=True):
    """Bytes where nothing else is said.

    `line`: one line without a CRLF. `numbers`: the same for lines that hold only numbers (SEARCH,
    VANISHED, COPYUID), which grow with the mailbox. `response`: all text of one response, its
    literals not counted. `literal`: one literal, and all literals of one response together.
    `depth`: nested lists. `unsolicited`: responses to one command that it did not ask for.
    `answers`: responses to one command that it did ask for and that are kept until it ends.
    `listed`: the same for LIST and STATUS, which take more memory; a mailbox with its status is two.
    `unreadable`: FETCH responses of one command that could not be read and were skipped.
    `unsolicited_bytes`, `answer_bytes`: the text of these responses.
    """

    line: int = 64 * KIB
    numbers: int = 16 * MIB
    response: int = MIB
    literal: int = 150 * MIB
    depth: int = 25
    unsolicited: int = 10_000
    answers: int = 1_000_000
    listed: int = 500_000
    unreadable: int = 1_000
    unsolicited_bytes: int = 8 * MIB
    answer_bytes: int = 128 * MIB
    buffer: int = 512 * KIB
    """Size of the receive buffer; at least four times `line`."""
    inline: int = 128 * KIB
    """Literals up to here wait in the receive buffer; longer ones are gathered beside it."""
