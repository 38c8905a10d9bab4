"""What the vendor of ours is asked and what it answers, in no dialect: a run follows its script.

Theory. Each prompt names its run (`[run abc]`), and the run's script says how many tool calls the vendor makes before it says its
words. Which turn it is follows from the tool results that came with the request, as at a real vendor: nothing is remembered
between two calls but what the vendor has said. So a client that loses, repeats or mixes up a result is found by the next request.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

Fault = Literal["cut", "429", "529", "silence", "spent"]

RUN: Final = re.compile(r"\[run ([a-z0-9]+)\]")
SIGNATURE: Final = re.compile(r"^sig:([a-z0-9]+):(\d+)$")

SHELLS: Final[Mapping[str, str]] = {
    "Bash": "command",  # Claude Code
    "bash": "command",  # OpenCode
    "run_shell_command": "command",  # Gemini CLI
    "exec_command": "cmd",  # Codex CLI
    "shell_command": "command",  # Codex CLI, older models
    "lookup": "text",  # the tool of the SDKs' programs
}
"""The tools that the vendor calls, and the argument that takes what is to come back."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What the vendor does in one run. calls: tool calls before the words. faults: by the number of the call (from 1).
    every: a fault of all calls. is_agent: calls without tools are the client's own (a title), and are answered aside.
    is_signed: the caller speaks the vendor's API, so signatures must come back."""

    run: str
    words: int = 12
    calls: int = 0
    faults: Mapping[int, Fault] = {}
    every: Fault | None = None
    is_agent: bool = False
    is_signed: bool = False

    @property
    def text(self) -> str:
        """The answer that is whole."""
        return " ".join([*(f"word{number}" for number in range(1, self.words + 1)), f"end-{self.run}"])


class Result(msgspec.Struct, frozen=True):
    """A tool's result as it came back. id: empty in a dialect without ids."""

    id: str
    name: str
    text: str


class Asked(msgspec.Struct, kw_only=True):
    """One request, in no dialect. signatures: those of earlier answers. thinks: whether thinking is asked for.
    lost: items that it refers to and that nobody keeps."""

    dialect: str
    text: str
    tools: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    signatures: tuple[str, ...] = ()
    is_streamed: bool = False
    thinks: bool = False
    size: int = 0
    lost: int = 0

    @property
    def run(self) -> str:
        found = RUN.findall(self.text)
        return found[-1] if found else ""


class Use(msgspec.Struct, frozen=True):
    """A call of a tool."""

    id: str
    name: str
    arguments: dict[str, Any]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the vendor says. signature: with the thinking before a tool call."""

    id: str
    model: str
    words: tuple[str, ...]
    use: Use | None = None
    signature: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def output_tokens(self) -> int:
        return len(self.words) + (12 if self.use else 0)


class Run:
    """One run at the vendor. paid: whole answers, by turn. problems: what a real vendor would refuse, or nobody should see."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls = 0
        self.aside = 0
        self.paid: dict[int, int] = {}
        self.refused = 0
        self.broken = 0
        self.problems: list[str] = []
        self.signed: set[int] = set()
        self.returned: set[int] = set()
        self.cached_tokens = 0
        self.input_tokens = 0
        self._made: dict[int, set[str]] = {}

    def is_aside(self, asked: Asked) -> bool:
        return self.script.is_agent and not asked.tools

    def fault(self) -> Fault | None:
        """Counts the call, and says what befalls it."""
        self.calls += 1
        return self.script.every or self.script.faults.get(self.calls)

    def answer(self, asked: Asked, model: str) -> Answer:
        """The next turn. What is wrong with the request becomes a problem of the run."""
        self._check(asked)
        done = len(asked.results)
        tokens = max(1, asked.size // 4)
        if done >= self.script.calls:
            words = tuple(re.findall(r"\S+\s*", self.script.text))
            return Answer(id=f"{self.script.run}x{self.calls}", model=model, words=words, input_tokens=tokens)
        number = done + 1
        name = next((one for one in SHELLS if one in asked.tools), "")
        if not name:
            self._problem(f"no tool that we know among {', '.join(asked.tools)[:200]}")
            return Answer(id=f"{self.script.run}x{self.calls}", model=model, words=("No tool.",), input_tokens=tokens)
        mark = self.mark(number)
        told = mark if name == "lookup" else f"echo {mark}"
        arguments: dict[str, Any] = {SHELLS[name]: told}
        if name in ("bash", "Bash"):
            arguments["description"] = "Says a word"
        use = Use(f"call_{self.script.run}_{number}_{self.calls}", name, arguments)
        self._made.setdefault(number, set()).add(use.id)
        signature = ""
        if asked.thinks:
            signature = b64encode(f"sig:{self.script.run}:{number}".encode()).decode()
            self.signed.add(number)
        words = ("Step ", f"{number}. ")
        return Answer(
            id=f"{self.script.run}x{self.calls}",
            model=model,
            words=words,
            use=use,
            signature=signature,
            input_tokens=tokens,
        )

    def mark(self, number: int) -> str:
        """What the result of this call has to say."""
        return f"hw-{self.script.run}-{number}"

    def give(self, asked: Asked) -> None:
        """The answer went out whole: it is paid for."""
        turn = len(asked.results)
        self.paid[turn] = self.paid.get(turn, 0) + 1

    @property
    def is_paid_twice(self) -> bool:
        return any(times > 1 for times in self.paid.values())

    def _check(self, asked: Asked) -> None:
        for number, result in enumerate(asked.results, 1):
            made = self._made.get(number, set())
            if not made:
                self._problem(f"result {number} belongs to no call")
            elif result.id and result.id not in made:
                self._problem(f"result {number} has the id {result.id}, the call had {', '.join(sorted(made))}")
        if asked.results and self.mark(len(asked.results)) not in asked.results[-1].text:
            self._problem(f"result {len(asked.results)} says {asked.results[-1].text[:80]!r}")
        if asked.lost:
            self._problem(f"{asked.lost} items are referred to, and the vendor was told to keep none")
        came = {int(found[2]) for one in asked.signatures if (found := SIGNATURE.match(one))}
        self.returned |= came
        if self.script.is_signed and (missing := {*range(1, len(asked.results) + 1)} & self.signed - came):
            self._problem(f"the signatures of {sorted(missing)} did not come back")

    def _problem(self, text: str) -> None:
        if len(self.problems) < 20:
            self.problems.append(text)
