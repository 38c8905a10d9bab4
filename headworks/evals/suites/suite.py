"""A suite: samples, how they become calls, how answers are judged, and under which conditions.

Always true: a suite that was read is whole (`suite_file.py`, and it says where it is not); every sample has an id of its
own that stays the same while its content does, so results of two runs can be held against each other sample by sample.
A suite in Python is made of the same structs.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.digest import digest
from headworks.evals.conditions import Condition
from headworks.evals.scorers import Scorer, UserScorer

Value: TypeAlias = Any
"""Any JSON value."""


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn of a conversation; `content` is a Jinja template over the sample's variables."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How samples become calls and how their answers are judged.

    system: one system message, in place of writing `messages`. messages: templates; `[{user: "{{ input }}"}]` by default.
    parameters: fields of the call, such as `max_tokens`. scorers: a sample passes where all of them say so.
    """

    system: str = ""
    messages: tuple[Message, ...] = ()
    parameters: dict[str, Value] = {}
    scorers: tuple[Scorer, ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item.

    variables: for the templates. messages: a whole conversation, in place of templates. expected: the right answer, or a
    list of right ones. options: of a choice; `{{ options }}` writes them, and an answer may give the letter or the text.
    disturb: names of the variables that conditions change; all that are text by default. cluster: what belongs together
    (a document, a customer): samples of one cluster are not independent. task: a name under the suite's `tasks`.
    """

    id: str = ""
    variables: dict[str, Value] = {}
    messages: tuple[Message, ...] = ()
    expected: Value = None
    options: tuple[str, ...] = ()
    disturb: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cluster: str = ""
    task: str = ""

    @property
    def own_id(self) -> str:
        """The id that stands for the content: the same in another order, file or run."""
        content = [
            self.variables,
            [msgspec.to_builtins(one) for one in self.messages],
            self.expected,
            self.options,
            self.task,
        ]
        return digest(msgspec.json.encode(content, order="sorted"))[:12]


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A suite, ready to be run.

    model: the alias that is asked, or `prompt/NAME`; "" for the only alias of the system. looks:
    `once` where the number of samples was fixed before, `many` where the gate is looked at again while samples come.
    judge_failures, call_failures: the shares of items that a judge, or the system, may leave without a verdict before the
    gate says that it cannot say. file: where it was read; own functions are looked for beside it.
    """

    name: str
    model: str = ""
    base: Task = Task()
    tasks: dict[str, Task] = {}
    samples: tuple[Sample, ...]
    open: frozenset[str] = frozenset()
    conditions: tuple[Condition, ...] = ()
    looks: Literal["once", "many"] = "once"
    judge_failures: float = 0.02
    call_failures: float = 0.02
    file: str = ""

    def task(self, sample: Sample) -> Task:
        """The task of a sample: what it does not say is as the suite says it."""
        if not sample.task:
            return self.base
        own = self.tasks[sample.task]
        base = self.base
        return Task(
            system=own.system or ("" if own.messages else base.system),
            messages=own.messages or base.messages,
            parameters={**base.parameters, **own.parameters},
            scorers=own.scorers or base.scorers,
        )

    @property
    def is_of_prompt(self) -> bool:
        """Whether a prompt of the system is asked: it has its own messages, and the sample's variables are its variables."""
        return self.model.startswith(PROMPT_PREFIX)

    @property
    def has_clusters(self) -> bool:
        return any(sample.cluster for sample in self.samples)

    @property
    def digest(self) -> str:
        """Stands for everything that decides what is asked and how it is judged."""
        fields: list[Any] = [
            self.base, self.tasks, self.samples, self.looks,
            [(one.kind, one.title, one.claim, one.amount) for one in self.conditions],
        ]  # fmt: skip
        if self.open:  # otherwise the digest is that of a suite of 0.1, whose runs are gone on with
            fields.append(sorted(self.open))
        return digest(msgspec.json.encode(fields, order="sorted", enc_hook=_named))


class LoadedSuite(msgspec.Struct, frozen=True, kw_only=True):
    """A suite, and the own functions that its scorers name."""

    suite: Suite
    own: dict[str, UserScorer] = {}


def _named(value: object) -> str:
    """An own function stands for its name: its text is not looked at."""
    return getattr(value, "__name__", type(value).__name__)
