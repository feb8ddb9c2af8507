"""A private PostgreSQL cluster for tests: a folder and a loopback port of its own, ended by its process id.

Never touches the machine's own clusters. PostgreSQL refuses to run as root; started by root, it
runs as `postgres`, else as whoever runs the tests.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.servers.ports import LOOPBACK, StartFailed, bound_to_us, free_ports, wait_until

_TRIES = 4
_INSTALLED = Path("/usr/lib/postgresql")


class PostgresMissing(Exception):
    """There is no PostgreSQL server on this machine."""


def postgres_binaries() -> Path:
    """The folder with initdb and postgres of the newest version; raises PostgresMissing."""
    versions = [path for path in _INSTALLED.glob("*/bin/initdb") if path.parts[-3].isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parts[-3])).parent
    found = shutil.which("initdb")
    if found is None:
        raise PostgresMissing("PostgreSQL is missing: apt-get install postgresql")
    return Path(found).resolve().parent


class Postgres:
    """One running cluster, reached by `url`; `new_database()` gives an empty database of its own."""

    def __init__(self, *, fsync: bool = False) -> None:
        """Create and start it. `fsync` only where durability itself is tested."""
        self._binaries = postgres_binaries()
        self._fsync = fsync
        self._serial = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._owner: str | None = None
        if os.geteuid() == 0:
            owner = _server_owner()
            self._owner = owner.pw_name
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", str(self._data), "-U", "eilbote", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
        )
        self._start()

    def url(self, database: str = "postgres") -> str:
        """What psycopg connects to."""
        return f"postgresql://eilbote@{LOOPBACK}:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"t{next(self._serial)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database made by `new_database`, whoever is still connected."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str, url: str | None = None) -> str:
        """Run one statement through psql, an eye that does not share our code; its bare output."""
        command = [
            str(self._binaries / "psql"),
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            url or self.url(),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def kill(self) -> None:
        """End it at once and without a checkpoint ("immediate"), so that the next start must recover."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=30)

    def restart(self) -> None:
        """Kill it and start it again over the same data on the same port."""
        self.kill()
        self._launch()

    def remove(self) -> None:
        """End the cluster and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            check=True,
            capture_output=True,
            user=self._owner,
            group=self._group,
            extra_groups=[] if self._owner else None,
            cwd=self.folder,
        )

    @property
    def _group(self) -> int | None:
        return pwd.getpwnam(self._owner).pw_gid if self._owner else None

    def _start(self) -> None:
        for attempt in range(1, _TRIES + 1):
            (self.port,) = free_ports(1)
            try:
                self._launch()
            except StartFailed:
                if attempt == _TRIES:
                    shutil.rmtree(self.folder)
                    raise
            else:
                return

    def _launch(self) -> None:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self._fsync else "off",
            "synchronous_commit": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
            "shared_buffers": "32MB",
            "max_connections": "60",
        }
        command = [str(self._binaries / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = self.folder / "postgres.log"
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                bound_to_us(command, "QUIT"),
                stdout=sink,
                stderr=sink,
                user=self._owner,
                group=self._group,
                extra_groups=[] if self._owner else None,
                cwd=self.folder,
                start_new_session=True,
            )
        try:
            wait_until(self._ready, self._process, lambda: log.read_text(errors="replace")[-2000:])
        except StartFailed:
            self.kill()
            raise

    def _ready(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0


def _server_owner() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
