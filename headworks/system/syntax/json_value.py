"""A value of a file that is meant as JSON: a JSON Schema, a field of a request.

Always true: a scalar that stands without quotes and is a JSON number, `true`, `false` or `null` is that; any other
scalar is text, whatever YAML would make of it.
"""

from __future__ import annotations

import re

import msgspec

from headworks.system.syntax.nodes import Items, Node, Scalar

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?")


def encoded(node: Node) -> msgspec.Raw:
    """The node as JSON text."""
    return msgspec.Raw(_encoded(node))


def _encoded(node: Node) -> bytes:
    if isinstance(node, Scalar):
        if node.is_plain and (node.text in ("true", "false", "null") or _NUMBER.fullmatch(node.text)):
            return node.text.encode()
        return msgspec.json.encode(node.text)
    if isinstance(node, Items):
        return b"[" + b",".join(map(_encoded, node.items)) + b"]"
    pairs = [msgspec.json.encode(name) + b":" + _encoded(entry.node) for name, entry in node.entries.items()]
    return b"{" + b",".join(pairs) + b"}"
