"""`python -m bench [--quick] [ROW ...]`: measure, print the table, keep the result."""

from __future__ import annotations

import argparse
import signal
import sys

from bench.measure import RunFailed, compile_product
from bench.report import Line, keep, table
from bench.rows import ROWS
from bench.server import CACHE, Server
from bench.setting import Setting, leave, say, warning


def main() -> int:
    """0 when every row could be measured, whether or not its goals were reached; else 2."""
    parser = argparse.ArgumentParser(prog="bench", description="Eilbote beside other mail clients.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the mails, one round")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(ROWS)} (default: all)")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.rows if name not in ROWS]
    if unknown:
        parser.error(f"no row is called {unknown[0]}; there are {', '.join(ROWS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that the server is stopped then too
    doubt = warning()
    compile_product()
    server = Server()
    setting = Setting(server, chosen.quick)
    lines: list[Line] = []
    failed = []
    try:
        for name in chosen.rows or ROWS:
            say(f"{name}: {(ROWS[name].__doc__ or '').strip()}")
            try:
                lines += ROWS[name](setting)
            except RunFailed as failure:
                failed.append(name)
                say(f"{name} could not be measured: {failure}")
    finally:
        server.remove()
        leave()
    print(table(tuple(lines)) + (f"\nNote: {doubt}" if doubt else ""))
    path = keep(tuple(lines), CACHE / "results", quick=chosen.quick, note=doubt)
    print(f"Kept in {path}" + (f"; could not be measured: {', '.join(failed)}" if failed else ""))
    return 2 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
