"""The clients: what each is, how it is started, and what its user got.

Theory. A client is a program that takes a job and gives an outcome. SDKs are driven by programs of ours that stay for many jobs
(`programs/`); command lines are started for each job, in a home of their own, as their documentation says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt. wait: seconds that the client may take for one call; most: seconds after which it is stopped.
    session: what the caller calls its session, where it says so."""

    url: str
    key: str
    model: str
    prompt: str
    streamed: bool
    tool: bool
    wait: float
    most: float
    session: str = ""


class Outcome(msgspec.Struct, kw_only=True):
    """What the caller got. error: the class, or how the command ended. is_own: the class is the SDK's; is_late: it was stopped."""

    text: str = ""
    error: str = ""
    message: str = ""
    is_own: bool = False
    is_late: bool = False
    seconds: float = 0.0


class Command(NamedTuple):
    """How a command line is started. files: what its home has, by name."""

    arguments: list[str]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    text: Callable[[str], str]


class Places(NamedTuple):
    """Where the clients of one column are installed. node: the interpreter."""

    python: Path
    packages: Path
    node: str


class Client(NamedTuple):
    """One client. dialect: what it speaks. program: a module of `programs/` and its arguments; command: of a command line.
    package: what its version is read from. is_agent: it has tools of its own."""

    name: str
    title: str
    dialect: str
    package: str
    program: tuple[str, ...] = ()
    command: Callable[[Job, Path, Places], Command] | None = None
    column: str = "pinned"

    @property
    def is_agent(self) -> bool:
        return self.command is not None

    @property
    def is_javascript(self) -> bool:
        return self.is_agent or self.program[0].endswith(".mjs")


OWN_URL: Final[Mapping[str, str]] = {name: name for name in ("chat", "responses", "anthropic", "gemini")}
