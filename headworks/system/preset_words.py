"""The word of a vendor as `dialect:`: what it implies, and what to write where it is not one that is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from headworks.system.schema.system import PRESETS, Provider
from headworks.system.syntax.findings import Position, closest
from headworks.system.syntax.nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode
from headworks.wire.presets import BY_WORD, Preset
from headworks.wire.presets import PRESETS as VENDORS

_DIALECTS: Final = {str(struct.__struct_config__.tag) for struct in get_args(Provider)}

IMPLYING: Final = frozenset({*PRESETS, *(_DIALECTS & {one.word for one in VENDORS if one.base_url})} - {"openai"})
"""Words after which neither a base URL nor a key has to be written."""

PLACE: Final = re.compile(r"\{([a-z_]+)\}")
"""Stands in a base URL for what the provider's key of that name says."""

UNSAID: Final = "-is-missing"
"""Stands in its place behind the key's name where it says nothing: that is told once the file is read."""

GLOBAL: Final = "global"
"""The one location without a host of its own."""

KEY_HEADERS: Final = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
"""Headers in which a vendor is sent our key."""


def expand_provider(node: MappingNode, word: str, place: Position, env: Mapping[str, str]) -> MappingNode:
    """A provider with what its word implies and it does not say: the base URL, and the variable that holds its key. A key that
    goes in a header of the file's is said, too."""
    preset = BY_WORD.get(word)
    if preset is None or word == "openai":
        return node
    implied: dict[str, Node] = {}
    if base_url := _address(preset, node):
        implied["base_url"] = ScalarNode(base_url, place, False)
    if not {"api_key", "credential"} & set(node.entries) and not _sends_a_key(node):
        is_needed = not preset.is_open and not preset.credential
        name = next((name for name in preset.keys if env.get(name)), preset.keys[0] if is_needed else "")
        if name:
            implied["api_key"] = ScalarNode(f"${{env:{name}}}", place, False)
        elif preset.credential:
            kind = Entry(place, ScalarNode(preset.credential, place, False))
            implied["credential"] = MappingNode({"kind": kind}, place)
    entries = {name: Entry(place, inside) for name, inside in implied.items()}
    return MappingNode({**entries, **node.entries}, node.place)


def _address(preset: Preset, node: MappingNode) -> str:
    """The base URL that is implied, with what the provider says of itself in it."""
    url = preset.versioned_url if preset.versioned_url and "api_version" in node.entries else preset.base_url
    if preset.located_url and _first(node, "location") not in ("", GLOBAL):
        url = preset.located_url
    return PLACE.sub(lambda place: _first(node, place[1]) or f"{place[1]}{UNSAID}", url)


def _first(node: MappingNode, key: str) -> str:
    """What a key says, of a list its first item; "" where it says nothing."""
    entry = node.entries.get(key)
    written = None if entry is None else entry.node
    first = written.items[0] if isinstance(written, SequenceNode) and written.items else written
    return first.text if isinstance(first, ScalarNode) else ""


def unsaid(base_url: str) -> str:
    """The key that a base URL lacks; "" where it lacks none."""
    before, mark, _ = base_url.partition(UNSAID)
    return re.split(r"[^a-z_]", before)[-1] if mark else ""


def _sends_a_key(node: MappingNode) -> bool:
    headers = node.entries.get("headers")
    names = headers.node.entries if headers is not None and isinstance(headers.node, MappingNode) else ()
    return any(name.lower() in KEY_HEADERS for name in names)


def dialect_remedy(word: str, dialects: Iterable[str]) -> str:
    """What to write in place of a word that is no dialect. dialects: those with keys of their own."""
    words = [*dialects, *PRESETS]
    if (meant := closest(word, words)) is not None:
        return f"did you mean `{meant}`?"
    if word.lower() in words:
        return f"write dialect: {word.lower()}"
    return f"known: {', '.join(dialects)}, and vendors such as `groq` (docs/vendors.md)"
