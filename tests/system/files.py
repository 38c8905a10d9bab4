"""What the tests of the system file share: a machine that has what a test says, and files from text."""

from collections.abc import Mapping
from pathlib import Path

from headworks.core.errors import Problem
from headworks.system.checks.machine import Machine
from headworks.system.load import examine
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import System, Tls
from headworks.system.syntax.findings import Findings

NOWHERE = Path("/nonexistent")

SUITES = ("suites/support.yaml", "suites/assistant.yaml")
"""What examples and drafts name."""


class FakeMachine(Machine):
    """A machine with these files (two suites, where none are said), and with every module or with none."""

    def __init__(self, files: Mapping[str, bytes] | None = None, *, has_modules: bool = True) -> None:
        super().__init__(NOWHERE)
        self.files = dict.fromkeys(SUITES, b"version: 1\n") if files is None else files
        self.has_modules = has_modules

    def has_module(self, name: str) -> bool:
        return self.has_modules

    def read(self, path: str, most: int) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[path][:most]

    def unusable(self, tls: Tls) -> tuple[str, str]:
        """Files belong together whose last words are the same."""
        if tls.cert not in self.files:
            return "cert", "it is not there"
        same = self.files[tls.cert].split()[-1:] == self.files.get(tls.key, b"").split()[-1:]
        return ("", "") if same else ("", "they do not match")


def examined(
    text: str | bytes,
    env: Mapping[str, str] | None = None,
    machine: Machine | None = None,
    folder: Path = NOWHERE,
) -> tuple[System | None, Findings]:
    content = text.encode() if isinstance(text, str) else text
    findings = Findings("headworks.yaml")
    return examine(content, findings, Sources(env or {}, folder), machine or FakeMachine()), findings


def right(text: str, env: Mapping[str, str] | None = None, machine: Machine | None = None) -> System:
    """The system of a file that holds."""
    system, findings = examined(text, env, machine)
    assert findings.errors == []
    assert system is not None
    return system


def told(problems: list[Problem]) -> list[str]:
    """Each problem on one line: where, what, and the remedy."""
    return [f"{one.line}:{one.column} {one.path}: {one.problem} -> {one.remedy}" for one in problems]


def wrong(text: str | bytes, env: Mapping[str, str] | None = None, machine: Machine | None = None) -> list[str]:
    """The errors of a file that does not hold."""
    system, findings = examined(text, env, machine)
    assert system is None, "a file with errors gives no system"
    return told(findings.errors)


def odd(text: str, env: Mapping[str, str] | None = None, machine: Machine | None = None) -> list[str]:
    """The warnings of a file that holds."""
    _, findings = examined(text, env, machine)
    assert findings.errors == []
    return told(findings.warnings)
