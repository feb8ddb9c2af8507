"""What one mail to oneself has shown: values, part of the evidence. Never what it means."""

from __future__ import annotations

from msgspec import Struct


class Leg(Struct, frozen=True):
    """A leg of the round trip and how long it took."""

    name: str
    ms: float


class Signature(Struct, frozen=True):
    """A DKIM signature of the mail that came back (RFC 6376). `fields`: header fields that it covers, in
    lower case. `partial`: it covers only the beginning of the text (`l=`). `aligned`: its domain is that of
    the From, or one of both lies in the other; `own`: exactly that. `valid` None: its key was not to be had.
    `selector`: the name of its key."""

    domain: str
    fields: tuple[str, ...] = ()
    partial: bool = False
    aligned: bool = False
    valid: bool | None = None
    selector: str = ""
    own: bool = False


class Trip(Struct, frozen=True, tag="trip"):
    """One mail to oneself. `problem`, `text`: why it was not sent. `found`: mailboxes it was found in, once
    for each copy. `damaged`: parts that came back other than they went. `hops`: protocol of each hop, as
    Received tells. `results`: methods and results of the trusted Authentication-Results. `left`: copies
    that could not be removed. `server_clock`: the clock of the first server as it took the mail at `sent_at`.
    `waited`: seconds until it was there, or was given up; `between_servers`: those from the first to the last
    server, by their own clocks. `signatures` None: not looked at; `aligned`: methods of `results` that
    passed for the domain of the From."""

    problem: str = ""
    text: str = ""
    legs: tuple[Leg, ...] = ()
    found: tuple[str, ...] = ()
    sent_copies: int = 0
    damaged: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    from_changed: str = ""
    left: int = 0
    waited: float = 0.0
    sent_at: float = 0.0
    between_servers: float | None = None
    server_clock: float | None = None
    signatures: tuple[Signature, ...] | None = None
    aligned: tuple[str, ...] = ()


class SecondTrip(Struct, frozen=True, tag="second_trip"):
    """One mail to another account of one's own, and an answer to it; `back` None: it was not sent, as the
    first had not come."""

    there: Trip
    back: Trip | None = None
