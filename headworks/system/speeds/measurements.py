"""What `headworks probe` measured, and the file that keeps it: `probe.json` beside the ledger, for its owner only.

Always true: a measurement is of one model as one part of the file says how to reach it; where that part is another
today (another address, another model file), it is not used. The file has no prompt, no answer, no key and no path in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from headworks.core.atomic_write import atomic_write
from headworks.core.digest import digest
from headworks.core.errors import ConfigError, Problem
from headworks.core.private_folders import make_private
from headworks.system.schema.system import Local, OpenAI, System, TargetOf

PROBE_CALLS: Final = 20
"""Calls of `headworks probe` to each target, unless it is told another number."""

FILE: Final = "probe.json"

MOST_BYTES: Final = 20_000_000
"""Bytes of the file that are read: a call is some 100 bytes, so 10,000 calls of 20 targets."""

MIN_ANSWERS: Final = 5
"""Answers below which a measurement is not used: of four the interval of a spread reaches from half of it to four times it."""


class CallSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call. prompt, output: tokens by the vendor's count. first_token, per_token: seconds, None where there is none.
    error: the class of what went wrong, "" where the answer was whole."""

    prompt: int
    output: int = 0
    first_token: float | None = None
    per_token: float | None = None
    error: str = ""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and its 95 % interval."""

    value: float
    low: float
    high: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A log-normal time: its median in seconds, and the standard deviation of its logarithm."""

    median: Estimate
    sigma: Estimate


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One target. asked: stands for how it was reached. at: seconds since 1970. place: where it was measured from. failures:
    by class of error; limits: the vendor's headers about rate limits, as they came."""

    asked: str
    at: float
    place: str
    calls: int
    answered: int
    first_token: Spread | None
    per_token: Spread | None
    failures: dict[str, int] = {}
    limits: dict[str, str] = {}
    samples: list[CallSample] = []

    @property
    def is_enough(self) -> bool:
        return self.first_token is not None and self.per_token is not None


class Measurements(msgspec.Struct, frozen=True, kw_only=True):
    """The file. targets: by `provider/model`."""

    version: Literal[1] = 1
    targets: dict[str, Measurement] = {}


def asked_of(system: System, target: TargetOf) -> str:
    """32 hex digits that stand for what decides how fast a target is: whom it asks, and for what."""
    provider = system.providers[target.provider]
    match provider:
        case OpenAI():
            of: tuple[object, ...] = (provider.base_url, target.model)
        case Local():
            of = (provider.model, target.model)
        case _:
            of = (provider.first_token, provider.per_token, provider.faults, target.model)
    return digest(msgspec.json.encode((type(provider).__name__, *of), order="sorted"))


def measurements_path(system: System, folder: Path) -> Path:
    """Beside the ledger's file; beside the journal where the store is a server."""
    store = system.log.store.reveal()
    beside = store.removeprefix("sqlite:///") if store.startswith("sqlite:///") else system.log.journal
    return folder / Path(beside).parent / FILE


def read_measurements(path: Path) -> Measurements:
    """What was measured; nothing where there is no file. Raises ConfigError for a file that is not one."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MOST_BYTES + 1), type=Measurements)
    except FileNotFoundError:
        return Measurements()
    except (OSError, ValueError, RecursionError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not what `headworks probe` writes"
        remedy = "remove it, and run `headworks probe` again"
        raise ConfigError(
            [Problem(file=str(path), problem=f"the measurements cannot be read: {said}", remedy=remedy)]
        ) from error


def keep_measurements(path: Path, found: Mapping[str, Measurement]) -> None:
    """Writes what was found; targets that were not asked stay as they were. Raises OSError, ConfigError."""
    known = read_measurements(path)
    make_private(path.parent)
    with atomic_write(path, may_replace=True) as file:
        made = msgspec.structs.replace(known, targets={**known.targets, **found})
        file.write(msgspec.json.format(msgspec.json.encode(made, order="sorted")) + b"\n")


def usable(system: System, known: Measurements) -> dict[str, Measurement]:
    """The measurements of this system's targets as they are reached today, with enough answers."""
    found: dict[str, Measurement] = {}
    for model in system.models.values():
        for target in (one for tier in model.targets for one in tier):
            one = known.targets.get(str(target))
            if one is not None and one.is_enough and one.asked == asked_of(system, target):
                found[str(target)] = one
    return found
