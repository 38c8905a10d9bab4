"""As much of JSON Schema as ours uses, so that its promise can be tested without a dependency."""

import re
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
}
KNOWN = {
    "$schema", "title", "description", "default", "$defs", "$ref", "anyOf", "oneOf", "type", "properties", "required",
    "additionalProperties", "propertyNames", "items", "minItems", "minLength", "pattern", "enum", "const", "minimum",
    "maximum", "exclusiveMinimum",
}  # fmt: skip


def admits(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """Whether a value is what a schema allows."""
    assert set(schema) <= KNOWN, f"teach this file {set(schema) - KNOWN}"
    if "$ref" in schema and not admits(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root):
        return False
    if "anyOf" in schema and not any(admits(one, value, root) for one in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(admits(one, value, root) for one in schema["oneOf"]) != 1:
        return False
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if isinstance(value, bool) and "boolean" not in kinds:
            return False
        if not isinstance(value, tuple(kind for name in kinds for kind in TYPES[name])):
            return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if isinstance(value, str):
        return len(value) >= schema.get("minLength", 0) and bool(re.search(schema.get("pattern", ""), value))
    if isinstance(value, dict):
        return _table(schema, value, root)
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(
            admits(schema.get("items", {}), one, root) for one in value
        )
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    return bool(low <= value <= high and value > schema.get("exclusiveMinimum", value - 1))


def _table(schema: dict[str, Any], value: dict[str, Any], root: dict[str, Any]) -> bool:
    if not set(schema.get("required", ())) <= set(value):
        return False
    for name, inner in value.items():
        if not admits(schema.get("propertyNames", {}), name, root):
            return False
        rule = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
        if rule is False or not admits(rule, inner, root):
            return False
    return True
