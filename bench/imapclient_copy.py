"""Every mail of INBOX into a file each, with IMAPClient: what a script of its users looks like.

Run as a process of its own: `python -m bench.imapclient_copy PORT USER PASSWORD FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from imapclient import IMAPClient  # type: ignore[import-untyped]

_BATCH = 200


def copy(port: int, user: str, password: str, folder: Path) -> int:
    """Fetch and write all; the number of mails."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login(user, password)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for at in range(0, len(uids), _BATCH):
            answers = client.fetch(uids[at : at + _BATCH], ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])
            for uid, items in answers.items():
                (folder / f"{uid}.eml").write_bytes(items[b"BODY[]"])
                count += 1
    return count


if __name__ == "__main__":
    print(copy(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])))
