"""One worker of `headworks up` with `server.workers`: started by the parent, never by a person."""

from __future__ import annotations

import logging
import sys

import uvloop

from headworks.server.worker import work


def main() -> None:
    """`python -m headworks.cli.worker NUMBER CHANNEL LISTENING...`: which one it is, and inherited sockets; for each worker
    its own, with commas."""
    number, channel = map(int, sys.argv[1:3])
    listening = [[int(one) for one in own.split(",")] for own in sys.argv[3:]]
    words = f"%(asctime)s %(levelname)s %(name)s: worker {number}: %(message)s"
    logging.basicConfig(format=words, level=logging.INFO, stream=sys.stderr)
    uvloop.run(work(number, channel, listening))


if __name__ == "__main__":
    main()
