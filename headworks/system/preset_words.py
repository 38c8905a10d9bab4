"""The word of a vendor as `dialect:`: what it implies, and what to write where it is not one that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from headworks.system.schema.system import PRESETS, Provider
from headworks.system.syntax.findings import Position, closest
from headworks.system.syntax.nodes import Entry, MappingNode, ScalarNode
from headworks.wire.presets import BY_WORD
from headworks.wire.presets import PRESETS as VENDORS

_DIALECTS: Final = {str(struct.__struct_config__.tag) for struct in get_args(Provider)}

IMPLYING: Final = frozenset({*PRESETS, *(_DIALECTS & {one.word for one in VENDORS if one.base_url})} - {"openai"})
"""Words after which neither a base URL nor a key has to be written."""

KEY_HEADERS: Final = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
"""Headers in which a vendor is sent our key."""


def expand_provider(node: MappingNode, word: str, place: Position, env: Mapping[str, str]) -> MappingNode:
    """A provider with what its word implies and it does not say: the base URL, and the variable that holds its key. A key that
    goes in a header of the file's is said, too."""
    preset = BY_WORD.get(word)
    if preset is None or word == "openai":
        return node
    implied = {"base_url": preset.base_url} if preset.base_url else {}
    if "api_key" not in node.entries and not _sends_a_key(node):
        name = next((name for name in preset.keys if env.get(name)), "" if preset.is_open else preset.keys[0])
        if name:
            implied["api_key"] = f"${{env:{name}}}"
    entries = {name: Entry(place, ScalarNode(text, place, False)) for name, text in implied.items()}
    return MappingNode({**entries, **node.entries}, node.place)


def _sends_a_key(node: MappingNode) -> bool:
    headers = node.entries.get("headers")
    names = headers.node.entries if headers is not None and isinstance(headers.node, MappingNode) else ()
    return any(name.lower() in KEY_HEADERS for name in names)


def dialect_remedy(word: str, dialects: Iterable[str]) -> str:
    """What to write in place of a word that is no dialect. dialects: those with keys of their own."""
    words = [*dialects, *PRESETS]
    if (meant := closest(word, words)) is not None:
        return f"did you mean `{meant}`?"
    known = f"known: {', '.join(dialects)}, and vendors such as `groq` (docs/vendors.md)"
    vendor = BY_WORD.get(word.lower())
    if vendor is None:
        return known
    if word.lower() in words:
        return f"write dialect: {word.lower()}"
    return f"this vendor speaks OpenAI's dialect too: write dialect: openai and base_url: {vendor.openai_url}; {known}"
