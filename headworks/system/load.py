"""A system file, from bytes to a system that holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.system.checks.machine import Machine
from headworks.system.checks.system import check
from headworks.system.choices import check_choices
from headworks.system.derived.default_paths import pin_default_folder, with_default_paths
from headworks.system.derived.proxies import with_proxies
from headworks.system.derived.same_as import without_same_as
from headworks.system.reader import Reader
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import SIMULATED, Local, Model, Provider, Simulated, System, TargetOf
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import MOST_BYTES, Node, compose
from headworks.system.verdicts.constraints import check_served, left_out


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A system that was read and checked whole. Relative paths in it start from `folder`: `loaded.folder / path`. path: the
    file that it is in; None for a text without a place."""

    system: System
    folder: Path
    warnings: tuple[Problem, ...] = ()
    path: Path | None = None

    def pin_default_folder(self) -> None:
        """Call it before serving: where the records are must not depend on what else comes into the folder."""
        if self.path is not None:
            pin_default_folder(self.path, self.system.log)


def load(path: Path, env: Mapping[str, str], machine: Machine | None = None) -> Loaded:
    """Reads a system file. Raises ConfigError with everything that is wrong with it, also when it cannot be opened."""
    return read(read_bytes(path), file=path, folder=path.parent, env=env, machine=machine)


def read_bytes(path: Path) -> bytes:
    """A system file's bytes, as many as one may have and one more. Raises ConfigError where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        problem = Problem(
            file=str(path),
            problem=f"the system file cannot be read: {error.strerror or error}",
            remedy="name a file, or run without one to get the starter system",
        )
        raise ConfigError([problem]) from error


def read(
    content: bytes, *, file: str | Path, folder: Path, env: Mapping[str, str], machine: Machine | None = None
) -> Loaded:
    """Reads a system file's bytes. file: its path, or what messages call a text that is in none. Raises ConfigError with
    everything that is wrong, also where no target of an alias meets the constraints."""
    findings = Findings(str(file))
    path = file if isinstance(file, Path) else None
    system = parse(content, findings, Sources(env, folder), machine or Machine(folder), path)
    if system is None:
        raise ConfigError(findings.errors)
    check_served(system)
    warnings = (*findings.warnings, *left_out(system))
    return Loaded(system=system, folder=folder, warnings=warnings, path=path)


def parse(
    content: bytes, findings: Findings, sources: Sources, machine: Machine, path: Path | None = None
) -> System | None:
    """The system in these bytes if it holds; all that is wrong, and all that is odd, goes to `findings`. path: of the file."""
    system = parse_leniently(content, findings, sources, machine, path)
    return None if findings.errors else system


def parse_chosen(
    content: bytes, findings: Findings, sources: Sources, machine: Machine, path: Path | None = None
) -> System | None:
    """The same of a file whose choices were checked before: one that a search made of it."""
    system = _parsed(content, findings, sources, machine, path)[1]
    return None if findings.errors else system


def parse_leniently(
    content: bytes, findings: Findings, sources: Sources, machine: Machine, path: Path | None = None
) -> System | None:
    """The system in these bytes as far as it can be read, for further checks only where `findings` has errors."""
    root, system = _parsed(content, findings, sources, machine, path)
    if root is not None and system is not None:
        check_choices(system, root, findings, sources)
    return system


def _parsed(
    content: bytes, findings: Findings, sources: Sources, machine: Machine, path: Path | None
) -> tuple[Node | None, System | None]:
    """The tree and the system in these bytes; the system was checked, but for its choices."""
    root = compose(content, findings)
    system = None if root is None else Reader(findings, sources).system(root)
    if root is not None and system is not None:
        system = without_same_as(system, findings)
        system = with_proxies(with_model_names(system), sources.env, findings)
        if path is not None:
            system = with_default_paths(system, root, path, findings)
        check(system, findings, machine)
    return root, system


def with_model_names(system: System) -> System:
    """The same system with the model of every target written out, where its provider implies one."""

    def whole(target: TargetOf) -> TargetOf:
        if target.model:
            return target
        implied = _implied_model(system.providers.get(target.provider))
        return msgspec.structs.replace(target, model=implied)

    def model(model: Model) -> Model:
        return msgspec.structs.replace(model, targets=tuple(tuple(map(whole, tier)) for tier in model.targets))

    return msgspec.structs.replace(system, models={alias: model(one) for alias, one in system.models.items()})


def _implied_model(provider: Provider | None) -> str:
    if isinstance(provider, Local):
        return provider.name
    return SIMULATED if isinstance(provider, Simulated) else ""
