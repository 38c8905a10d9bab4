"""Samples from recorded calls, such as those that failed.

Always true: only calls whose bodies were kept become samples (`log.bodies: full`); of equal conversations one is taken,
the newest; what a sample cannot carry (images, tools) is counted and left out. The expected answer is not known yet: a
person adds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from headworks.core.call import PROMPT_PREFIX
from headworks.core.digest import digest
from headworks.core.errors import EvalError
from headworks.core.record import Outcome, Record
from headworks.ledger.query import Filter
from headworks.system.syntax.findings import suggestion
from headworks.system.syntax.scalars import Unreadable, duration

TERMS = ("outcome", "alias", "key", "tag", "user", "target", "error", "slow")
OUTCOMES: tuple[str, ...] = Outcome.__args__  # type: ignore[attr-defined]
ROLES = frozenset({"system", "developer", "user", "assistant"})


class SampledCalls(msgspec.Struct, kw_only=True):
    """The samples, and how many calls were seen, had no body, were duplicates, or cannot be samples."""

    samples: list[dict[str, Any]] = []
    seen: int = 0
    bodiless: int = 0
    equal: int = 0
    unfit: int = 0


def parse_filter(text: str) -> Filter:
    """The filter of `outcome=error,alias=assistant`: `error` and `failed` are every call without a whole answer."""
    fields: dict[str, Any] = {}
    for term in filter(None, (one.strip() for one in text.split(","))):
        name, is_one, value = term.partition("=")
        if not is_one or name not in TERMS:
            raise EvalError(f"`{term}` is not a filter\n    {suggestion(name, TERMS, 'write NAME=VALUE; names')}")
        if name == "outcome" and value in ("error", "failed"):
            fields["failed"] = True
        elif name == "outcome" and value not in OUTCOMES:
            known = suggestion(value, (*OUTCOMES, "error"), "outcomes")
            raise EvalError(f"there is no outcome `{value}`\n    {known}")
        elif name == "slow":
            try:
                fields["slow"] = duration(value)
            except Unreadable as error:
                raise EvalError(f"{error.problem}\n    {error.remedy}") from error
        else:
            fields[name] = value
    return Filter(**fields)


def samples_from(records: Iterable[Record]) -> SampledCalls:
    """The samples in these calls, the newest of equal ones; a call's outcome is its tag."""
    taken = SampledCalls()
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        taken.seen += 1
        if not record.asked:
            taken.bodiless += 1
            continue
        sample = _sample(record)
        if sample is None:
            taken.unfit += 1
            continue
        name = digest(msgspec.json.encode([sample.get("messages"), sample.get("variables")]))[:12]
        taken.equal += name in found
        found.pop(name, None)
        found[name] = {"id": name, **sample}
    taken.samples = list(found.values())
    return taken


def _sample(record: Record) -> dict[str, Any] | None:
    try:
        body = msgspec.json.decode(record.asked)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or record.operation != "chat":
        return None
    tags = [record.outcome, *([record.error] if record.error else [])]
    if record.model.startswith(PROMPT_PREFIX):
        prompt = body.get("prompt")
        variables = prompt.get("variables") if isinstance(prompt, dict) else None
        return {"variables": variables, "tags": tags} if isinstance(variables, dict) else None
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(map(_is_text, messages)):
        return None
    return {"messages": [{"role": one["role"], "content": one["content"]} for one in messages], "tags": tags}


def _is_text(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in ROLES
        and isinstance(message.get("content"), str)
        and not message.get("tool_calls")
    )
