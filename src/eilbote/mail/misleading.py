"""Names of senders that make a person see another address than the real one."""

from __future__ import annotations

import re

from eilbote.mail.envelope import Address
from eilbote.mail.identity import same_address

# Full-width and small commercial at look like the real one.
_ADDRESS = re.compile(r"[\w.+-]{1,64}\s?[@＠﹫]\s?[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def other_address_in(one: Address) -> str:
    """The address that the display name shows and that is not the sender's; empty where there is none."""
    for found in _ADDRESS.finditer(one.name[:1000]):
        shown = re.sub(r"\s", "", found[0]).replace("＠", "@").replace("﹫", "@")
        if same_address(shown) != same_address(one.spec):
            return shown
    return ""
