"""Reads a YAML suite; every problem has its line and column.

Always true: reading continues after a problem, so that all of them are reported at once; nothing is read that is not named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.errors import ConfigError
from headworks.evals import conditions, language_detection, scorers
from headworks.evals.conditions import Condition
from headworks.evals.scorers import GRADED, Scorer, UserScorer
from headworks.evals.suites.check import check
from headworks.evals.suites.rows import LISTS_OF_TEXTS, SAMPLE_KEYS, read_samples, validation_message, with_ids
from headworks.evals.suites.suite import LoadedSuite, Message, Sample, Suite, Task
from headworks.evals.suites.user_functions import function, run_module
from headworks.evals.suites.yaml_document import Document, NodePath, Problems, path_text, read_text
from headworks.prompts.schema import trouble
from headworks.system.syntax.findings import suggestion
from headworks.system.syntax.scalars import Unreadable, duration, share

T = TypeVar("T")

KEYS = (
    "version", "name", "model", "prompt", "system", "system_file", "messages", "parameters", "scorers", "tasks", "samples", "conditions", "looks",
    "judge_failures", "call_failures", "python",
)  # fmt: skip
TASK_KEYS = ("system", "system_file", "messages", "parameters", "scorers")
TEXT_KEYS = frozenset({"id", "cluster", "task", "model", "name", "system", "content"})


class SuiteReader:
    """Reads one YAML suite."""

    def __init__(self, document: Document, path: Path, problems: Problems) -> None:
        self.document = document
        self.path = path
        self.problems = problems
        self.names: dict[str, Any] = {}
        self.own: dict[str, UserScorer] = {}
        self.open: list[bool] = []
        """For each sample of the file, whether its `expected` stands there and is empty."""

    def wrong(self, where: NodePath, problem: str, remedy: str = "") -> None:
        line, column = self.document.place(where)
        self.problems.add(problem, remedy, line=line, column=column, path=path_text(where))

    def unknown(self, where: NodePath, remedy: str) -> None:
        line, column = self.document.name_place(where)
        problem = f"unknown key `{where[-1]}`"
        self.problems.add(problem, remedy, line=line, column=column, path=path_text(where))

    def suite(self, name: str) -> LoadedSuite:
        root = self.document.value
        if not isinstance(root, dict):
            self.wrong((), "a suite is a map", f"its keys: {', '.join(KEYS)}")
            self.problems.raise_any()
        self.known(root, KEYS, ())
        if root.get("version", 1) != 1:
            self.wrong(("version",), "the only known version is 1", "write `version: 1`")
        if "python" in root:
            file = self.path.parent / str(root["python"])
            self.names = run_module(file, Problems(str(file)))
        samples = self.samples(root.get("samples"))
        tasks = root.get("tasks") or {}
        if not isinstance(tasks, dict):
            self.wrong(("tasks",), "a map belongs here", "a name for each task")
            tasks = {}
        fields: dict[str, Any] = {
            "name": name,
            "base": self.task({key: root[key] for key in TASK_KEYS if key in root}, ()),
            "tasks": {key: self.task(value, ("tasks", key)) for key, value in tasks.items()},
            "samples": samples,
            "open": frozenset(one.id for one, is_open in zip(samples, self.open, strict=False) if is_open),
            "conditions": tuple(filter(None, self.each(root.get("conditions"), ("conditions",), self.condition))),
            "model": self.model(root),
            "file": str(self.path),
        }
        if "looks" in root:
            fields["looks"] = root["looks"]
            if root["looks"] not in ("once", "many"):
                self.wrong(("looks",), f"unknown value `{root['looks']}`", "write once or many")
        for key in ("judge_failures", "call_failures"):
            if key in root:
                fields[key] = self.percent(root[key], (key,))
        made = LoadedSuite(suite=Suite(**fields), own=self.own)
        self.problems.raise_any()
        in_file = isinstance(root.get("samples"), list)
        check(made, self.problems, self.placed if in_file else None)
        self.problems.raise_any()
        return made

    def model(self, root: dict[str, Any]) -> str:
        """The alias that is asked: `model`, or `prompt/NAME` for `prompt: NAME`."""
        if "prompt" not in root:
            return str(self.document.text(("model",), root.get("model") or ""))
        if "model" in root:
            self.wrong(("model",), "`prompt` already names the model", "keep one of `prompt` and `model`")
        return PROMPT_PREFIX + str(self.document.text(("prompt",), root["prompt"]))

    def placed(self, index: int) -> dict[str, Any]:
        line, column = self.document.place(("samples", index))
        return {"line": line, "column": column, "path": f"samples[{index}]"}

    def known(self, value: dict[str, Any], names: Sequence[str], where: NodePath) -> None:
        for key in value:
            if key not in names:
                self.unknown((*where, key), suggestion(key, names, "known keys"))

    def each(self, value: Any, where: NodePath, read: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(where, "a list belongs here", "begin each item with `- `")
            return []
        return [read(item, (*where, index)) for index, item in enumerate(value)]

    def made(self, value: dict[str, Any], kind: type[T], where: NodePath) -> T | None:
        """The struct of a map, texts as they were written."""
        fields = dict(value)
        for key in value:
            if key in TEXT_KEYS:
                fields[key] = self.document.text((*where, key), value[key])
            elif key in LISTS_OF_TEXTS and isinstance(value[key], list):
                fields[key] = [self.document.text((*where, key, at), one) for at, one in enumerate(value[key])]
        try:
            return msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            problem, name = validation_message(error)
            self.wrong((*where, name) if name else where, problem)
            return None

    def samples(self, value: Any) -> tuple[Sample, ...]:
        if isinstance(value, str):
            file = self.path.parent / value
            if file.suffix.lower() not in (".csv", ".jsonl"):
                self.wrong(("samples",), "samples are a list, or the path of a .jsonl or .csv file")
                return ()
            return read_samples(file, Problems(str(file)))
        return with_ids([one for one in self.each(value, ("samples",), self.sample) if one is not None])

    def sample(self, value: Any, where: NodePath) -> Sample | None:
        if not isinstance(value, dict):
            self.wrong(where, "a sample is a map", "write its variables and `expected`")
            return None
        own = value.get("variables", {})
        if not isinstance(own, dict):
            self.wrong((*where, "variables"), "a map belongs here")
            return None
        self.open.append("expected" in value and value["expected"] is None)
        rest = {name: one for name, one in value.items() if name not in SAMPLE_KEYS}
        known = {name: one for name, one in value.items() if name in SAMPLE_KEYS}
        return self.made({**known, "variables": {**rest, **own}}, Sample, where)

    def task(self, value: Any, where: NodePath) -> Task:
        if not isinstance(value, dict):
            self.wrong(where, "a task is a map", f"its keys: {', '.join(TASK_KEYS)}")
            return Task()
        self.known(value, TASK_KEYS, where)
        messages = self.each(value.get("messages"), (*where, "messages"), self.message)
        made = self.each(value.get("scorers"), (*where, "scorers"), self.scorer)
        parameters = value.get("parameters", {})
        if not isinstance(parameters, dict):
            self.wrong((*where, "parameters"), "a map belongs here", "such as `{max_tokens: 64}`")
            parameters = {}
        return Task(
            system=self.system(value, where),
            messages=tuple(filter(None, messages)),
            parameters=parameters,
            scorers=tuple(filter(None, made)),
        )

    def system(self, value: dict[str, Any], where: NodePath) -> str:
        """The system message: written here as a template, or a file's text as it is."""
        if "system_file" not in value:
            return str(self.document.text((*where, "system"), value.get("system") or ""))
        if "system" in value:
            self.wrong((*where, "system"), "`system_file` already sets it", "keep one of the two")
        file = self.path.parent / str(value["system_file"])
        try:
            text = read_text(file, Problems(str(file))).strip()
        except ConfigError as error:
            self.wrong(
                (*where, "system_file"),
                f"{value['system_file']}: {error.problems[0].problem}",
                "paths are relative to the suite's folder",
            )
            return ""
        return f"{{% raw %}}{text}{{% endraw %}}" if "{" in text else text

    def message(self, value: Any, where: NodePath) -> Message | None:
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("system", "user", "assistant"):
            [(role, content)] = value.items()
            value = {"role": role, "content": self.document.text((*where, role), content)}
        if not isinstance(value, dict):
            self.wrong(where, "a message is a map", '`{user: "{{ input }}"}`')
            return None
        return self.made(value, Message, where)

    def scorer(self, value: Any, where: NodePath) -> Scorer | None:
        value = {"kind": value} if isinstance(value, str) else value
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            self.wrong(
                where, "a scorer is a kind, or a map with its `kind`", f"kinds: {', '.join(scorers.KINDS)}, {GRADED}"
            )
            return None
        kind = value["kind"]
        if kind not in scorers.KINDS and kind != GRADED:
            if (found := function(self.names, kind)) is None:
                names = [*scorers.KINDS, GRADED, *(name for name in self.names if not name.startswith("_"))]
                self.wrong((*where, "kind"), f"there is no scorer `{kind}`", suggestion(kind, names, "scorers"))
                return None
            self.own[kind] = found
        needs, may = scorers.REQUIRED_FIELDS.get(kind, ()), scorers.OPTIONAL_FIELDS.get(kind, ())
        for name in value:
            if name in Scorer.__struct_fields__ and name not in ("kind", "negate", *needs, *may):
                self.wrong((*where, name), f"`{name}` has no meaning for `{kind}`", "remove it")
        for name in needs:
            if name not in value:
                self.wrong(where, f"`{kind}` needs `{name}`", "add it")
        for name, why in invalid_programs(kind, value):
            self.wrong((*where, name), why)
        value = dict(value)
        if kind in scorers.UNITS and not {"at_least", "at_most"} & value.keys():
            self.wrong(where, f"`{kind}` needs a limit", "write `at_most: 2`, `at_least: 2`, or both")
        if kind == "language" and value.get("value") not in (None, *language_detection.CODES):
            codes = ", ".join(language_detection.CODES)
            self.wrong((*where, "value"), f"unknown language `{value['value']}`", f"codes: {codes}")
        if "at_most" in value:
            value["at_most"] = self.limit(
                str(self.document.text((*where, "at_most"), value["at_most"])), kind, (*where, "at_most")
            )
        if kind in scorers.UNITS and "at_least" in value:
            value["at_least"] = self.count(str(value["at_least"]), (*where, "at_least"))
        elif isinstance(value.get("at_least"), str):
            value["at_least"] = self.percent(value["at_least"], (*where, "at_least"))
        return self.made(value, Scorer, where)

    def limit(self, text: str, kind: str, where: NodePath) -> float:
        if kind in scorers.UNITS:
            return self.count(text, where)
        try:
            return float(text[1:]) if kind == "cost" and text.startswith("$") else duration(text)
        except Unreadable as error:
            self.wrong(where, error.problem, error.remedy)
        except ValueError:
            self.wrong(where, f"`{text}` is not an amount of dollars", "write $0.01")
        return 0.0

    def count(self, text: str, where: NodePath) -> float:
        try:
            return float(int(text))
        except ValueError:
            self.wrong(where, f"`{text}` is not a whole number", "write a whole number")
            return 0.0

    def percent(self, value: Any, where: NodePath) -> float:
        try:
            return share(str(self.document.text(where, value)))
        except Unreadable as error:
            self.wrong(where, error.problem, error.remedy)
            return 0.0

    def condition(self, value: Any, where: NodePath) -> Condition | None:
        value = {"kind": value} if isinstance(value, str) else value
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            self.wrong(
                where, "a condition is a kind, or a map with its `kind`", f"kinds: {', '.join(conditions.KINDS)}"
            )
            return None
        value = dict(value)
        for key in ("most_drop", "at_least"):
            if key in value:
                value[key] = self.percent(value[key], (*where, key))
        kind = value["kind"]
        known = conditions.KINDS.get(kind)
        if known is not None:
            value = {"claim": known.claim, "amount": known.amount, **value, "change": known.change}
        elif (change := function(self.names, kind)) is not None:
            value = {"claim": "invariance", **value, "change": change}
        else:
            names = [*conditions.KINDS, *(name for name in self.names if not name.startswith("_"))]
            self.wrong((*where, "kind"), f"there is no condition `{kind}`", suggestion(kind, names, "conditions"))
            return None
        unknown = set(value) - set(Condition.__struct_fields__)
        for key in sorted(unknown):
            self.unknown((*where, key), "known keys: kind, name, claim, amount, most_drop, at_least")
        return None if unknown else self.made(value, Condition, where)


def invalid_programs(kind: str, value: dict[str, Any]) -> list[tuple[str, str]]:
    """What of a scorer's own program cannot be used, and why: its pattern, its schema."""
    found = []
    if kind == "regex" and (why := scorers.pattern_problem(str(value.get("pattern", "")))):
        found.append(("pattern", why))
    if kind == "json_schema" and "schema" in value and (wrong := trouble(value["schema"])) is not None:
        found.append(("schema", wrong))
    return found
