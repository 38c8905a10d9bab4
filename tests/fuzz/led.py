"""One target under Atheris: `python -m tests.fuzz.led TARGET [libFuzzer's options]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["headworks"]):
    from tests.fuzz.run import tried
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = sys.argv.pop(1)
    assert target in TARGETS
    atheris.Setup(sys.argv, lambda data: tried(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
