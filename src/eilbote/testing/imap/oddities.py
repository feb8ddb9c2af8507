"""What particular servers do otherwise than the rest, as the test server can play it.

Values only; the session and the commands read them and act. Each is something that the field reports
of a real server (`personalities.py` says of which).
"""

from __future__ import annotations

from msgspec import Struct, field

BARE_LF, NUL, EIGHT_BIT_HEADER, NO_FINAL_CRLF = "bare-lf", "nul", "8-bit-header", "no-final-crlf"


class Oddities(Struct, frozen=True):
    """Nothing set: an ordinary server. Where an answer is given, it is `NO ...` or `BAD ...`.

    `answers`: command name to what it is always answered. `after_login`: what every command but
    LOGOUT and CAPABILITY is answered once the login was accepted. `before_id`: what SELECT is answered
    before ID. `empty_id`: what an ID without a list is answered. `search_all`: what `UID SEARCH ALL`
    is answered. `search_most`: so many numbers at most, the oldest. `search_descending`: numbers come
    in falling order. `descending_sets`: what a range from a higher to a lower number is answered.
    `changedsince_ignored`: every message is told whatever the client has. `enabled_untold`: ENABLE
    names nothing. `vanished_malformed`: no client can read VANISHED. `rfc822_empty`: FETCH RFC822
    gives nothing. `bodies_alone`: of several bodies in one FETCH every second is empty. `append`:
    kinds of mail that APPEND refuses, with its answer; `append_line`: the longest line it takes.
    `flags_unpushed`: IDLE tells of arrivals and expunges only; `idle_silent`: of nothing. `status_empty`:
    STATUS is told without its list. `search_header`: what a SEARCH for a header is answered.
    `sizes_off`: so many bytes are added to every RFC822.SIZE. `reserved`: names that CREATE refuses, with
    its answer; `childless`: what CREATE below another mailbox is answered; `mailboxes_most`: so many there
    may be. `namespace`: what NAMESPACE tells.
    """

    answers: dict[str, str] = field(default_factory=dict)
    after_login: str = ""
    before_id: str = ""
    empty_id: str = ""
    search_all: str = ""
    search_most: int = 0
    search_descending: bool = False
    descending_sets: str = ""
    changedsince_ignored: bool = False
    enabled_untold: bool = False
    vanished_malformed: bool = False
    rfc822_empty: bool = False
    bodies_alone: bool = False
    append: dict[str, str] = field(default_factory=dict)
    append_line: int = 0
    flags_unpushed: bool = False
    status_empty: bool = False
    idle_silent: bool = False
    search_header: str = ""
    sizes_off: int = 0
    reserved: dict[str, str] = field(default_factory=dict)
    childless: str = ""
    mailboxes_most: int = 0
    namespace: str = ""

    def refusal_of_mail(self, raw: bytes) -> str:
        """What APPEND of this mail is answered, "" where it is taken."""
        head = raw.partition(b"\r\n\r\n")[0]
        found = {
            BARE_LF: raw.count(b"\n") != raw.count(b"\r\n"),
            NUL: b"\0" in raw,
            EIGHT_BIT_HEADER: not head.isascii(),
            NO_FINAL_CRLF: not raw.endswith(b"\r\n"),
        }
        for kind, answer in self.append.items():
            if found[kind]:
                return answer
        if self.append_line and any(len(line) > self.append_line for line in raw.split(b"\r\n")):
            return f"NO Line too long (over {self.append_line} characters)"
        return ""
