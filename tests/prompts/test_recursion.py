"""Schemas whose checking may cost more than a value's size says are known, and are checked by another process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headworks.core.call import Call
from headworks.prompts.frames import Source, Turn
from headworks.prompts.prompt import Prompt
from headworks.prompts.render_process import RenderProcess
from headworks.prompts.schema import Schema
from headworks.wire.openai.caller import CHAT

TREE = {"$defs": {"t": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/t"}}] * 2}}, "$ref": "#/$defs/t"}


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        {"items": {"$ref": "#"}},
        {"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
        {"anyOf": [{"type": "null"}, {"items": {"$ref": "#/anyOf/1"}}]},
        {"$defs": {"a/b": {"items": {"$ref": "#/$defs/a~1b"}}}, "$ref": "#/$defs/a%7E1b"},
        {"$anchor": "top", "items": {"$ref": "#top"}},
        {"$dynamicAnchor": "top", "items": {"$dynamicRef": "#top"}},
        {"items": {"pattern": r"^(\w+\s?)*\1?!$"}},
        {"pattern": "^(?=a)"},
    ],
)
def test_a_schema_that_leads_back_to_itself_and_a_pattern_that_backtracks_are_dear(schema: dict[str, Any]) -> None:
    assert Schema(schema).is_dear


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": r"^(\w+\s?)*$"}},
        {
            "$defs": {"a": {"type": "string"}, "b": {"items": {"$ref": "#/$defs/a"}}},
            "anyOf": [{"$ref": "#/$defs/b"}] * 2,
        },
        {"properties": {"$ref": {"type": "string"}}},
    ],
)
def test_other_schemas_are_not(schema: dict[str, Any] | bool) -> None:
    assert not Schema(schema).is_dear


def test_what_a_dear_schema_checks_is_checked_apart_however_small() -> None:
    source = Source(
        name="p",
        version="0",
        file="p.md",
        turns=[Turn(role="user", text="{{ n }}", line=1)],
        variables={"n": {"items": {"not": {"pattern": r"^(\w+\s?)*\1?!$"}}}},
        output=TREE,
    )

    async def test() -> tuple[bool, str | None]:
        process = RenderProcess(bound=30.0)
        try:
            prompt = Prompt(source, process)
            call = Call(
                id="req_1",
                alias="p",
                body=b'{"model":"p","messages":[],"prompt":{"variables":{"n":["a"]}}}',
                dialect=CHAT,
            )
            made = await prompt.rendered_apart(call)
            assert made.output is not None
            assert process.process is not None
            await process.close()
            why = await made.output.wrong("[[1]]")
            return prompt.is_large(call) and process.process is not None, why
        finally:
            await process.close()

    assert asyncio.run(test()) == (True, "it does not satisfy `anyOf`")
