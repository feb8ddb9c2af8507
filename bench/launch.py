"""Start one command and report what it cost, as JSON in a file.

Run as `python -S -E launch.py REPORT COMMAND ...` by `bench.measure`: a process that forks from a
large one inherits its peak memory, so a small one stands between. Imports nothing of the project.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    report, *command = sys.argv[1:]
    started = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "seconds": time.monotonic() - started,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(report, "w") as file:  # noqa: PTH123 -- pathlib would double the memory of this process
        json.dump(cost, file)
