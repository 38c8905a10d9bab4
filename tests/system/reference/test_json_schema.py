"""What editors are told is what the reader takes."""

import json
import re
from typing import Any

import pytest
import yaml

from headworks.system.reference.json_schema import json_schema
from headworks.system.starter import starter_text
from tests.system.files import examined
from tests.system.shapes import admits
from tests.system.test_wrong_files import CASES

SCHEMA = json_schema()
BASE = "providers: {v: {dialect: simulated}}\n"


def allows(file: str) -> bool:
    return admits(SCHEMA, yaml.safe_load(file), SCHEMA)


def walked(schema: Any) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) else []
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        found += walked(inner)
    return found


def test_it_is_json_of_the_draft_that_editors_know() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_pattern_is_one_and_is_anchored() -> None:
    patterns = [one["pattern"] for one in walked(SCHEMA) if isinstance(one.get("pattern"), str)]
    assert len(patterns) > 10
    for pattern in patterns:
        re.compile(pattern)
        assert pattern.startswith("^")
        assert pattern.endswith("$")


def test_every_reference_leads_somewhere() -> None:
    for one in walked(SCHEMA):
        if "$ref" in one:
            assert one["$ref"].removeprefix("#/$defs/") in SCHEMA["$defs"]


def test_every_default_is_allowed_where_it_stands() -> None:
    defaults = [one for one in walked(SCHEMA) if "default" in one and "description" in one]
    assert len(defaults) > 15
    for one in defaults:
        if one.get("$ref") != "#/$defs/Spread":  # shown as it is written, which is YAML
            assert admits(one, one["default"], SCHEMA), one


@pytest.mark.parametrize(
    "file",
    [
        starter_text(),
        BASE + "models: {a: v/x}\n",
        BASE + "models: {a: [v/x, [v/y, {provider: v, weight: 0.5}]]}\n",
        BASE
        + "models: {a: {targets: v/x, retry: {attempts: 3, backoff: 1s..2s}}}\nserver: {listen: '[::1]:80', cors: '*'}\n",
        BASE + "models: {a: {targets: {provider: v}}}\nlog: {sync: 100ms}\nserver: {max_in_flight: 4k}\n",
    ],
)
def test_a_right_file_has_no_red_line(file: str) -> None:
    assert examined(file)[1].errors == []
    assert allows(file)


@pytest.mark.parametrize(
    "name",
    [
        "unknown keys",
        "another version",
        "dialects",
        "one letter off",
        "durations",
        "counts",
        "sizes and bounds",
        "no providers",
        "shares",
        "keys",
        "an address that is only a port",
        "URLs",
        "names",
    ],
)
def test_a_wrong_file_has_one(name: str) -> None:
    file = CASES[name][0]
    assert isinstance(file, str)
    assert not allows(file)


@pytest.mark.parametrize(
    ("provider", "is_right"),
    [
        ("{dialect: groq}", True),
        ("{dialect: vllm, base_url: 'http://gpu:8000/v1', rpm: 60}", True),
        ("{dialect: groq, wrong: 1}", False),
        ("{dialect: openai}", False),
    ],
)
def test_a_vendor_by_its_word_needs_no_other_key(provider: str, is_right: bool) -> None:
    assert allows(f"providers: {{v: {provider}}}\nmodels: {{a: v/x}}") is is_right
