"""One worker of `headworks up` with `server.workers`: started by the parent, never by a person."""

from __future__ import annotations

import sys

import uvloop

from headworks.cli.log_format import write_log
from headworks.server.workers.worker import work


def main() -> None:
    """`python -m headworks.cli.worker NUMBER CHANNEL FORMAT LISTENING...`: which one it is, an inherited socket, how its log is
    written, and inherited sockets; for each worker its own, with commas."""
    number, channel = map(int, sys.argv[1:3])
    listening = [[int(one) for one in own.split(",")] for own in sys.argv[4:]]
    write_log(sys.argv[3], worker=number)
    uvloop.run(work(number, channel, listening))


if __name__ == "__main__":
    main()
