"""As whom a person writes: name, address, signature. A value without logic but for whose address is whose."""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.domain import domain_for_people
from eilbote.mail.envelope import Address


class Identity(Struct, frozen=True):
    """One way to sign mail. `address` is the bare `local@domain` that stands in From and in the
    envelope; `aliases` are more addresses that reach the same person, `@domain` for all of a domain.
    `signature` is plain text, without the `-- ` above it."""

    address: str
    name: str = ""
    reply_to: tuple[Address, ...] = ()
    signature: str = ""
    organization: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def sender(self) -> Address:
        """What stands in From."""
        return Address(self.name, self.address)

    def owns(self, spec: str) -> bool:
        """Whether mail to `spec` is mail to this identity: `anna+shop@` is `anna@` too (RFC 5233)."""
        wanted = same_address(spec)
        domain = "@" + wanted.rpartition("@")[2]
        untagged = wanted.partition("@")[0].partition("+")[0] + domain
        return any(
            own in (wanted, untagged, domain)
            for own in (same_address(self.address), *map(same_address, self.aliases))
        )


def same_address(spec: str) -> str:
    """A form in which two spellings of one address are equal: without case, the domain as people write
    it. RFC 5321 section 2.4 lets local parts differ by case; no provider lets them."""
    local, at, domain = spec.rpartition("@")
    return local.lower() + at + domain_for_people(domain)
