"""What signing one request costs (`python bench/sigv4.py`): the whole of `Signer.headers`, by the size of the body."""

from __future__ import annotations

import time

from headworks.credentials.sigv4 import AwsKeys, Signer

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "t" * 400)
PATH = b"/model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"
TIMES = 5_000


def main() -> None:
    signer = Signer("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1", "bedrock")
    for size in (1_500, 40_000, 1_000_000):
        body = b"x" * size
        times = TIMES if size < 100_000 else TIMES // 20
        at = time.time()
        best = float("inf")
        for _ in range(5):
            begun = time.perf_counter()
            for _ in range(times):
                signer.headers(KEYS, b"POST", PATH, body, at)
            best = min(best, (time.perf_counter() - begun) / times)
        print(f"{size:>9,} bytes: {best * 1e6:7.1f} us")


if __name__ == "__main__":
    main()
