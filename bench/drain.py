"""The bare drain: a trivial client that reads the whole FETCH stream and throws it away.

Run as a process of its own: `python -m bench.drain PORT USER PASSWORD [ITEMS]`. It parses nothing,
keeps nothing and writes nothing, so that nobody who has to keep the mail can be faster.
"""

from __future__ import annotations

import socket
import sys

WHOLE = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"


def drain(port: int, user: str, password: str, items: str = WHOLE) -> int:
    """Read everything INBOX answers to one UID FETCH; the number of bytes read."""
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(
            f'a LOGIN "{user}" "{password}"\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* {items}\r\n'.encode()
        )
        total, tail = 0, b""
        while True:
            count = line.recv_into(view)
            if count == 0:
                raise ConnectionError("the server hung up")
            total += count
            tail = (tail + bytes(view[max(0, count - 256) : count]))[-256:]
            last = tail.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2]
            if tail.endswith(b"\r\n") and last.startswith(b"c "):
                if not last.startswith(b"c OK"):
                    raise ConnectionError(f"the server refused: {last.decode('ascii', 'replace')}")
                return total


if __name__ == "__main__":
    print(drain(int(sys.argv[1]), *sys.argv[2:]))
