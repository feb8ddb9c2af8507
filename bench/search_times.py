"""How long queries take in a process that is open already, as for the web page and the API.

Run as a process of its own: `python -m bench.search_times HOME COUNT`; prints one JSON list of
milliseconds. What it times is the whole query, from its text to the mails found and described.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections.abc import Iterator

from bench.words import sentences
from eilbote.clock import SystemClock
from eilbote.config import load_config
from eilbote.engine.app import open_app
from eilbote.engine.read import search_mail

_LIMIT = 50


def queries() -> Iterator[str]:
    """What people type: words, several words, beginnings, phrases, and words with an operator."""
    chance = random.Random("queries")
    said = sentences("de", 3_000) + sentences("en", 3_000)
    while True:
        words = [word.strip(".?!") for word in chance.choice(said).split()]
        one, two = chance.sample(words, 2)
        at = chance.randrange(len(words) - 1)
        yield one
        yield f"{one} {two}"
        yield f"{one[:5]}*"
        yield f'"{words[at]} {words[at + 1]}"'
        yield f"from:person{chance.randrange(400)} {one}"
        yield f"subject:{one}"
        yield f"{one} after:2021-03-01 before:2021-09-01"
        yield f"{one} -{two}"


def main(home: str, count: int) -> list[float]:
    """Milliseconds of each of `count` queries, after a few that warm the caches."""
    clock = SystemClock()
    taken = []
    with open_app(load_config(home)) as app:
        asked = queries()
        for query in itertools.islice(asked, 16):
            search_mail(app, query, None, _LIMIT)
        for query in itertools.islice(asked, count):
            started = clock.monotonic()
            search_mail(app, query, None, _LIMIT)
            taken.append((clock.monotonic() - started) * 1_000)
    return taken


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
