"""Real proxies in processes of their own: tinyproxy and squid, as Debian has them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headworks.http.proxy import Proxy
from tests.e2e.running import free_port

TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Timeout 60
LogLevel Critical
BasicAuth ann secret-of-the-proxy
"""

SQUID = """\
http_port 127.0.0.1:{port}
http_access allow all
hosts_file {folder}/hosts
pid_filename none
cache deny all
cache_log /dev/null
access_log none
netdb_filename none
pinger_enable off
"""

HOSTS = "127.0.0.1 vendor.test\n"
"""What only the proxy resolves."""


def program(name: str) -> str:
    """Where a program is; skips aloud where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def tinyproxy(folder: Path) -> Iterator[Proxy]:
    """Asks for a name and a password."""
    port = free_port()
    (folder / "tinyproxy.conf").write_text(TINYPROXY.format(port=port))
    with running(port, program("tinyproxy"), "-d", "-c", str(folder / "tinyproxy.conf")):
        yield Proxy.parse(f"http://ann:secret-of-the-proxy@127.0.0.1:{port}")


@contextmanager
def squid(folder: Path) -> Iterator[Proxy]:
    """Knows a host that nobody else knows."""
    port = free_port()
    (folder / "squid.conf").write_text(SQUID.format(port=port, folder=folder))
    (folder / "hosts").write_text(HOSTS)
    for one in (folder, *folder.parents):  # as root it reads them as another user
        if one.owner() == folder.owner() and one != Path("/"):
            one.chmod(one.stat().st_mode | 0o055)
    with running(port, program("squid"), "-N", "-f", str(folder / "squid.conf")):
        yield Proxy.parse(f"http://127.0.0.1:{port}")


@contextmanager
def running(port: int, *command: str) -> Iterator[None]:
    """A server that listens on this port, until left."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                assert time.monotonic() < until, f"{command[0]} does not listen"
                time.sleep(0.02)
        yield
    finally:
        process.kill()  # squid takes a second to end in order
        process.wait()
