"""What it costs to look for secrets that are not there: an event, a whole answer's headers, a megabyte. `python bench/masking.py`

Processor time, the least of several rounds: other jobs on the machine only add to it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from functools import partial
from random import Random

from headworks.core.masking import Mask
from headworks.core.reply import Chunk

KEYS = {
    "a key of 56 letters and digits": [
        "sk-proj-" + base64.b64encode(Random(1).randbytes(36)).decode().replace("+", "a")
    ],
    "a key in base64 with + and /": [base64.b64encode(Random(2).randbytes(63)).decode()],
    "a UUID": ["8f14e45f-ceea-467a-9575-1d5b3a9a5b2a"],
    "a key and a secret header": [
        "sk-proj-" + Random(1).randbytes(24).hex(),
        "header-" + Random(2).randbytes(12).hex(),
    ],
    "a short word": ["none"],
}
EVENT = (
    b'data: {"id":"chatcmpl-B9MBs8CjcvOLXhwSd6JqKz2TnTLoG","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"gpt-5-mini-2025-08-07","choices":[{"index":0,"delta":{"content":" the"},"logprobs":null,"finish_reason":null}]}\n\n'
)
HEADERS = [(b"x-header-%d" % number, b"a usual value, %d" % (number * 7919)) for number in range(16)]
MEGABYTES = {
    "picture": base64.b64encode(Random(3).randbytes(750_000)),
    "text": (b'{"content":"The quick brown fox jumps over the lazy dog. ","n":17},' * 16_000)[:1_000_000],
    "numbers": b",".join(b"%.9f" % Random(number).random() for number in range(83_000))[:1_000_000],
}


def least(what: Callable[[], object], times: int, rounds: int = 9) -> float:
    """Seconds of one."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            what()
        best = min(best, (time.process_time() - began) / times)
    return best


def main() -> None:
    for name, secrets in KEYS.items():
        mask, chunks = Mask(secrets), [Chunk(data=EVENT)]
        event = least(partial(mask.chunks, chunks), 10_000) * 1e6
        head = least(partial(mask.shows, b"{}", HEADERS), 10_000) * 1e6
        told = [f"{what} {least(partial(mask.shows, data), 3) * 1e3:.2f}" for what, data in MEGABYTES.items()]
        print(f"{name:32} us: an event {event:.2f}, 16 headers {head:.2f}; ms/MB: {', '.join(told)}")


if __name__ == "__main__":
    main()
