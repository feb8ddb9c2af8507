"""Usual names of mail servers under a domain: what is left to try where nobody names one.

Only ports with TLS from the first byte are guessed: a certificate for the guessed name is what proves it.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.discovery.srv import is_under
from eilbote.discovery.values import Candidate, Protocol, Source, Told

_MOST = 12


def guesses(domain: str, mail_servers: Sequence[str] = ()) -> Told:
    """Servers under the domain that may be there. `mail_servers`: those that take the domain's mail; one of
    them is guessed only where it lies under the domain, else anybody who can change an answer of DNS
    would choose who is given the password."""
    own = [one.lower().rstrip(".") for one in mail_servers if is_under(one, domain)]
    names = {
        Protocol.IMAP: (f"imap.{domain}", f"mail.{domain}", *own, domain),
        Protocol.SMTP: (f"smtp.{domain}", f"mail.{domain}", *own, domain),
        Protocol.POP3: (f"pop.{domain}", f"mail.{domain}"),
    }
    ports = {Protocol.IMAP: 993, Protocol.SMTP: 465, Protocol.POP3: 995}
    return Told(
        Source.GUESS,
        tuple(
            Candidate(protocol, host, ports[protocol], "tls", Source.GUESS, domain)
            for protocol, hosts in names.items()
            for host in dict.fromkeys(hosts[:_MOST])
        ),
        where=domain,
    )
