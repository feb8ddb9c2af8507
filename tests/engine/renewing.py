"""A process beside the tests that needs an access token: `-m tests.engine.renewing HOME STORE KEY [STEP]`.

Prints the token's digest, or the problem's code; where STEP is `often`, once for each line that it is given.
With another STEP (`before:commit`, `after:commit`) it kills itself there, in the transaction that keeps what
was renewed.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import open_app
from eilbote.engine.renew import access_token
from eilbote.errors import EilboteError


def main(home: str, store: str, key: str, step: str = "") -> None:
    def observe(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    observer = observe if step else None
    with open_app(Config(Path(home), store=store, key_file=key), observer=observer) as app:
        (account,) = app.store.accounts.all()
        for _ in sys.stdin if step == "often" else [""]:
            try:
                token = access_token(app, account).reveal()
                print(hashlib.sha256(token.encode()).hexdigest(), flush=True)
            except EilboteError as error:
                print(error.problem.code, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
