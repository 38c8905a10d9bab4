"""What `headworks eval --targets` found, and the file that keeps it: `.headworks/evals/quality.json`, for its owner only.

Always true: a measurement is of one suite, one prompt version and one target as the file reached it; whoever reads it holds all
three against today's (`quality.py`). Numbers come with their limits at several confidences, so that whoever judges needs no
statistics. The file has no question, no answer, no key and no path in it but those of the suite's own files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from headworks.core.atomic_write import atomic_write
from headworks.core.digest import digest
from headworks.core.errors import ConfigError, Problem
from headworks.core.private_folders import make_private
from headworks.system.schema.system import Local, OpenAI, System, TargetOf

RESULTS_FOLDER: Final = Path(".headworks") / "evals"
"""Where `headworks eval` keeps results, from the system file's folder."""

FILE: Final = "quality.json"

MOST_BYTES: Final = 50_000_000
"""Bytes of the file that are read."""

MOST_KEPT: Final = 200
"""Measurements that are kept, the newest. A suite of 20,000 samples takes some 20 kB of scores."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """The truth is above `low` with this confidence, and below `high` with the same."""

    confidence: float
    low: float
    high: float


class TargetQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What one target's answers to one suite were worth.

    model: what was asked, an alias or `prompt/NAME`; alias: whose target it is; prompt: the version of the prompt, "" for an
    alias. target: `provider/model`; reached: stands for where that is. suite_digest: stands for what is asked and how it is
    judged; files: the suite's files, and what stands for the content of each. at: seconds since 1970. samples: that were
    asked, of `planned`. cannot_say: why there are no limits, or "". scores: `1`, `0`, or `?` where there is no verdict, by
    sample in the order of their ids; clusters: the number of each one's cluster, [] where none are named; same: stands for
    the ids.
    """

    suite: str
    suite_digest: str
    files: dict[str, str]
    model: str
    alias: str
    prompt: str = ""
    target: str
    reached: str
    at: float
    samples: int
    planned: int
    value: float
    limits: tuple[Limit, ...] = ()
    cannot_say: str = ""
    scores: str = ""
    clusters: tuple[int, ...] = ()
    same: str = ""
    results: str = ""
    cost_nano: int | None = None

    @property
    def is_complete(self) -> bool:
        return self.samples == self.planned

    @property
    def key(self) -> tuple[str, ...]:
        """What a newer measurement takes the place of."""
        return (self.suite, self.suite_digest, self.model, self.prompt, self.target, self.reached)


class QualityFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    version: Literal[1] = 1
    measured: tuple[TargetQuality, ...] = ()


def quality_path(folder: Path) -> Path:
    """Beside the results of evaluations."""
    return folder / RESULTS_FOLDER / FILE


def read_quality(path: Path) -> tuple[TargetQuality, ...]:
    """What was measured; nothing where there is no file. Raises ConfigError for a file that is not one."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MOST_BYTES + 1), type=QualityFile).measured
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not what `headworks eval --targets` writes"
        problem = f"the measured quality cannot be read: {said}"
        remedy = "remove it, and run `headworks eval --targets all` again"
        raise ConfigError([Problem(file=str(path), problem=problem, remedy=remedy)]) from error


def keep_quality(path: Path, found: Sequence[TargetQuality]) -> None:
    """Adds measurements; each takes the place of an older one of the same. Raises OSError, ConfigError."""
    kept = {one.key: one for one in (*read_quality(path), *found)}
    newest = sorted(kept.values(), key=lambda one: one.at)[-MOST_KEPT:]
    make_private(path.parent)
    with atomic_write(path, may_replace=True) as file:
        file.write(msgspec.json.encode(QualityFile(measured=tuple(newest))) + b"\n")


def reached(system: System, target: TargetOf) -> str:
    """Stands for who answers behind a target: another address, model or model file is another one."""
    provider = system.providers[target.provider]
    match provider:
        case OpenAI():
            of: tuple[object, ...] = (provider.base_url, target.model)
        case Local():
            of = (provider.model, target.model)
        case _:
            of = (target.model,)
    return digest(msgspec.json.encode((type(provider).__name__, *of)))


def file_digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """What stands for the content of each file; "" for one that cannot be read."""
    found = {}
    for name in names:
        try:
            found[name] = digest((folder / name).read_bytes())
        except OSError:
            found[name] = ""
    return found
