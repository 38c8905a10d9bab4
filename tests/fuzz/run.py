"""Fuzzes every target for a while: `python -m tests.fuzz.run --seconds 20`. Exits with 1 and the inputs that broke something.

Where Atheris is installed (`pip install atheris`) it leads the search by coverage; else inputs are mutated from the seeds at
random, from a seed that is printed, so that a run can be repeated. An input that takes more than a second of processor time is a
finding too.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.seeds import CUT, SEEDS
from tests.fuzz.targets import TARGETS

MOST_SECONDS = 1.0
MOST_BYTES = 20_000


class Finding(Exception):
    """An input that a target does not bear."""


def tried(target: str, data: bytes) -> None:
    """Runs one input. Raises Finding."""
    began = time.process_time()
    try:
        TARGETS[target](data)
    except Exception as error:
        place = traceback.format_exc(limit=-3)
        raise Finding(f"{target}: {type(error).__name__}: {error}\n{place}    input: {data!r}") from error
    took = time.process_time() - began
    if took > MOST_SECONDS:
        raise Finding(f"{target}: {took:.1f} s of processor time\n    input: {data[:300]!r} ({len(data)} bytes)")


def mutated(data: bytes, others: tuple[bytes, ...], rng: random.Random) -> bytes:
    """The input with a few things changed: bytes, runs of them, pieces of other inputs."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(7):
            case 0 if made:
                made[at % len(made)] = rng.randrange(256)
            case 1:
                made[at:at] = bytes(rng.choices(b"{}[]\"':,\\ \r\n\t0123456789-.eE<>`$#*&|!%", k=rng.randrange(1, 9)))
            case 2:
                del made[at : at + rng.randrange(1, 20)]
            case 3:
                made[at:at] = made[at : at + rng.randrange(1, 30)] * rng.choice((1, 2, 50, 500))
            case 4:
                other = rng.choice(others)
                begin = rng.randrange(len(other) + 1)
                made[at:at] = other[begin : begin + rng.randrange(1, 60)]
            case 5:
                made[at:at] = rng.choice(
                    (b"\x00", b"\xff", b"\xed\xa0\xbd", b"\xf0\x9f\x98\x80", b"\\ud83d", b"9" * 400)
                )
            case _:
                made[at:] = b""
        del made[MOST_BYTES:]
    return bytes(made)


def searched(target: str, seconds: float, seed: int) -> int:
    """Tries seeds and their mutations for so long, and says how many. Raises Finding."""
    rng = random.Random(f"{seed} {target}")
    pool = tuple(CUT + one for one in SEEDS[target])
    count = 0
    for one in pool:
        for first in range(8):
            tried(target, bytes([first]) + one[1:])
            count += 1
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        tried(target, mutated(rng.choice(pool), pool, rng))
        count += 1
    return count


def led(target: str, seconds: float, seed: int) -> int:
    """The same, led by coverage, in a process of its own: Atheris ends the process that it runs in. Returns its exit code."""
    command = [sys.executable, "-m", "tests.fuzz.led", target, f"-max_total_time={max(1, round(seconds))}"]
    return subprocess.run([*command, f"-seed={seed % 2**31}", f"-max_len={MOST_BYTES}"], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(30) if options.seed is None else options.seed
    targets = options.target or list(TARGETS)
    has_atheris = find_spec("atheris") is not None
    print(
        f"fuzzing {len(targets)} targets for {options.seconds:g} s, seed {seed}, {'led by coverage' if has_atheris else 'at random'}"
    )
    broken = 0
    for target in targets:
        share = options.seconds / len(targets)
        try:
            count = searched(target, share / 2 if has_atheris else share, seed)
            print(f"{target:8} {count} inputs")
            if has_atheris and led(target, share / 2, seed):
                broken += 1
        except Finding as finding:
            broken += 1
            print(f"FOUND {finding}")
    print(f"{len(targets) - broken} passed, {broken} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main())
