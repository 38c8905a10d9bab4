"""Which alias cannot keep what its callers will ask, as far as the file says what that is: for `headworks check`.

Always true: only what is known of a target counts, by the same rules as when calls are served (`policy/capability.py`). What
callers will ask is told by an alias's `max_output`, by the traffic, by the parameters of prompts, and by those of YAML suites.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from headworks.core.call import PROMPT_PREFIX, Call
from headworks.core.capability import Lack, Needs
from headworks.core.errors import CallError
from headworks.gateway.capabilities import TargetCapabilities, override
from headworks.policy.capability import Capability
from headworks.system.schema.system import Anthropic, Bedrock, Gemini, Model, OpenAI, System, Vertex
from headworks.system.syntax.findings import Findings, KeyPath
from headworks.system.syntax.json_value import as_json_text
from headworks.system.syntax.nodes import MOST_BYTES, MappingNode, Node, ScalarNode, compose
from headworks.system.syntax.scalars import shown, written_count
from headworks.wire.needs import needs_of
from headworks.wire.own_dialect import OWN

Parameters = Mapping[str, msgspec.Raw]


class Demand(NamedTuple):
    """Something that callers of an alias will ask. who: in words. tokens: of prompt and answer together, 0 where unknown."""

    alias: str
    where: KeyPath
    who: str
    needs: Needs
    tokens: int = 0


def warn_of_gaps(system: System, findings: Findings, folder: Path) -> None:
    """Notes as warnings which targets cannot serve what will be asked, and where none of an alias can."""
    known = {alias: of_alias(system, model) for alias, model in system.models.items()}
    for demand in demands(system, folder):
        targets = known[demand.alias]
        lacks = {name: lack for name, one in targets.items() if (lack := lack_of(one, demand)) is not None}
        if not lacks:
            continue
        said = "; ".join(f"{shown(name)} {lack.why}" for name, lack in lacks.items())
        which = "no target" if len(lacks) == len(targets) else "not every target"
        asked = f"{demand.who} (`{next(iter(lacks.values())).field}`)"
        remedy = "name a target that can, ask for less, or correct the table: `capabilities` at the target"
        findings.warn(demand.where, f"{which} of {shown(demand.alias)} can serve {asked}: {said}", remedy)


def lack_of(known: Capability, demand: Demand) -> Lack | None:
    if 0 < known.window < demand.tokens:
        return Lack("prompt_tokens", f"has a context of {written_count(known.window)} tokens")
    return known.lack(demand.needs)


def of_alias(system: System, model: Model) -> dict[str, Capability]:
    """What is known of each target of an alias."""
    capabilities = TargetCapabilities(system)
    found: dict[str, Capability] = {}
    for target in (one for tier in model.targets for one in tier):
        known = found[str(target)] = capabilities.of(target)
        if target.context_window is not None:
            known.window = target.context_window
        if target.capabilities is not None:
            override(known, target.capabilities)
        provider = system.providers[target.provider]
        if isinstance(provider, OpenAI) and not isinstance(provider, (Anthropic, Gemini, Vertex, Bedrock)):
            known.speaks = frozenset({OWN.name})
    return found


def demands(system: System, folder: Path) -> Iterator[Demand]:
    """All that the file says of what callers will ask."""
    for alias, model in system.models.items():
        if model.max_output is not None:
            bound = Needs(max_output=model.max_output, bound_name="max_output")
            yield Demand(alias, ("models", alias, "max_output"), f"a call of {shown(alias)}", bound)
        yield from of_traffic(system, alias)
    for name, prompt in system.prompts.items():
        if prompt.alias in system.models:
            needs = needs_of_parameters(prompt.file.front.parameters)
            yield Demand(prompt.alias, ("prompts", name), f"the prompt {shown(name)}", needs)
    for name, suite in system.suites.items():
        for model_name, parameters in of_suite(folder / suite.file):
            for alias in asked_by(system, name, model_name):
                where: KeyPath = ("suites", name)
                yield Demand(alias, where, f"the suite {shown(name)}", needs_of_parameters(parameters))


def of_traffic(system: System, alias: str) -> Iterator[Demand]:
    """The long prompts and answers of an alias's traffic: 5 of 100 have at least so many tokens."""
    traffic = system.requirements.traffic
    own = traffic.aliases.get(alias)
    at: KeyPath = ("requirements", "traffic")
    prompts, answers = traffic.prompt_tokens, traffic.output_tokens
    if own is not None:
        at = (*at, "aliases", alias)
        prompts, answers = own.prompt_tokens or prompts, own.output_tokens or answers
    longest = 0 if answers is None else answers.p95
    if prompts is not None or longest:
        whole = longest + (0 if prompts is None else prompts.p95)
        needs = Needs(max_output=longest, bound_name="output_tokens")
        yield Demand(alias, at, f"the traffic of {shown(alias)}", needs, whole)


def needs_of_parameters(parameters: Parameters) -> Needs:
    """What a call with these fields needs. Nothing, where they are no call's."""
    message = msgspec.Raw(b'[{"role":"user","content":"?"}]')
    body = msgspec.json.encode({"model": "m", **parameters, "messages": message})
    try:
        asked = OWN.read(body)
    except CallError:
        return Needs()
    return needs_of(Call(id="", alias="", body=body, dialect=OWN, max_output=asked.max_output))


def of_suite(path: Path) -> Iterator[tuple[str, Parameters]]:
    """The model and the parameters that a YAML suite asks with: its own, and each task's. `headworks eval` says what is wrong
    with a suite."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        return
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError:
        return
    unread = Findings(str(path))
    root = compose(content, unread)
    if unread.errors or not isinstance(root, MappingNode):
        return
    model = node_at(root, "model")
    asked = model.text if isinstance(model, ScalarNode) else ""
    base = parameters_in(root)
    tasks = node_at(root, "tasks")
    each = [entry.node for entry in tasks.entries.values()] if isinstance(tasks, MappingNode) else []
    for own in (base, *[{**base, **parameters_in(task)} for task in each]):
        if own:
            yield asked, own


def parameters_in(node: Node) -> dict[str, msgspec.Raw]:
    found = node_at(node, "parameters")
    if not isinstance(found, MappingNode):
        return {}
    return {name: as_json_text(entry.node) for name, entry in found.entries.items()}


def node_at(node: Node, name: str) -> Node | None:
    entry = node.entries.get(name) if isinstance(node, MappingNode) else None
    return None if entry is None else entry.node


def asked_by(system: System, suite: str, model: str) -> list[str]:
    """The aliases that a suite asks: the one that it names, those of the objectives that name it, or the only one."""
    if model.startswith(PROMPT_PREFIX):
        prompt = system.prompts.get(model.removeprefix(PROMPT_PREFIX))
        model = "" if prompt is None else prompt.alias
    named = [model, *(one.alias or "" for one in system.requirements.objectives if one.suite == suite)]
    found = [alias for alias in dict.fromkeys(named) if alias in system.models]
    return found or (list(system.models) if len(system.models) == 1 else [])
