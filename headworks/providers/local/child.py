"""The program of the child process: `python -m headworks.providers.local.child --model MODEL --folder FOLDER ...`.

Theory. A model is native code over a file from an unknown source: it may crash, and then only this process does.
It prints one line to stdout, `ready`, when it listens on FOLDER/model.sock; everything else, llama.cpp's words too, goes
to stderr. It must not outlive the gateway, however that ends: the kernel kills it with its parent (Linux), and the end of
stdin, which the parent holds open, says the same everywhere. SIGTERM lets it finish the answers in progress; SIGINT is
not for it (Ctrl-C goes to every process of a terminal, and the gateway drains).
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from headworks.core.errors import ConfigError, Failed
from headworks.http.server import Edge, EdgeLimits
from headworks.providers.local.chat_template import OWN_TEMPLATE, TRANSCRIPT
from headworks.providers.local.child_app import JSON, App, ModelSizes, problem
from headworks.providers.local.llama import Llama
from headworks.providers.local.model_files import cache_folder, find_model, has_chat_template
from headworks.providers.local.process import READY, SOCKET

CONTEXT = 4096
"""Tokens of one conversation, its answer included: the cache for them is most of what the child adds to the model."""

SHUTDOWN_GRACE = 30.0
"""Seconds for answers in progress after SIGTERM: the gateway's own default for draining."""

PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> int:
    """Serves one model until the parent goes. Returns 2 where the model cannot be had, 1 where it cannot be loaded."""
    options = _options(arguments)
    _die_with(options.parent)
    said = os.dup(1)
    os.dup2(2, 1)  # native code prints where it likes; the parent reads one line of ours
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cores = _cores()
    sizes = ModelSizes(slots=options.slots, context=CONTEXT, threads=max(1, cores - 1), prompt_threads=cores)
    try:
        path = find_model(options.model, cache_folder(os.environ))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    manner = OWN_TEMPLATE if has_chat_template(path) else TRANSCRIPT
    try:
        llama = Llama(path, manner, sizes, options.folder / "llama.sock")
    except RuntimeError as error:
        sys.stderr.write(f"{path} cannot be loaded: {error}\n")
        return 1
    asyncio.run(_serve(App(llama, manner, sizes), options.folder / SOCKET, said))
    return 0


async def _serve(app: App, socket: Path, said: int) -> None:
    edge = Edge(app.handle, lambda status, message: (JSON, problem(Failed(message))), limits=_limits())
    await edge.start_unix(str(socket))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    try:
        loop.add_reader(0, _on_parent_gone)
    except PermissionError:
        pass  # a file or /dev/null: the parent does not hold it open
    os.write(said, READY)
    warming = asyncio.create_task(app.warm())
    await ended.wait()
    await edge.stop(SHUTDOWN_GRACE)
    await warming


def _on_parent_gone() -> None:
    """Ends this process: the parent has ended, or has closed our stdin."""
    if not os.read(0, 4096):
        os._exit(0)  # not `sys.exit`: it would wait for the threads, and they for llama.cpp


def _limits() -> EdgeLimits:
    # The gateway is the only caller, has bounds of its own, and keeps idle connections in its pool.
    return EdgeLimits(max_body=1_000_000_000, max_arriving=1_000_000_000, idle_timeout=3600.0)


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent ends; ends now if that was before."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="headworks.providers.local.child")
    parser.add_argument("--model", required=True, help="a name or the path of a GGUF file")
    parser.add_argument("--folder", required=True, type=Path, help="private, for the sockets")
    parser.add_argument("--parent", required=True, type=int, help="the process to live with")
    parser.add_argument("--slots", required=True, type=int, help="answers at once")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Threads of llama.cpp may still compute: at the interpreter's end they would be waited for.
    os._exit(code)
