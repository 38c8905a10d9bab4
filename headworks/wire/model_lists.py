"""A vendor's list of its models: where it stands below the base URL, and the ids in it.

Sources: https://platform.openai.com/docs/api-reference/models/list, https://docs.anthropic.com/en/api/models-list (`limit` up to 1000),
https://ai.google.dev/api/models#method:-models.list (`pageSize` up to 1000); read on 2026-12-01. One page is read: what stands behind
it is not known to be missing. Bedrock's list has another host, and Azure's names no deployments: neither is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.wire.sides import VendorDialect

PATHS: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "openai.chat": b"/models",
        "openai.responses": b"/models",
        "openai.completions": b"/models",
        "anthropic.messages": b"/models?limit=1000",
        "gemini.generate": b"/models?pageSize=1000",
    }
)
"""By the name of a vendor's side."""


class _Listed(msgspec.Struct):
    id: str = ""
    name: str = ""


class _List(msgspec.Struct):
    data: list[_Listed] | None = None
    models: list[_Listed] | None = None


_DECODE: Final = msgspec.json.Decoder(_List).decode


def list_path(dialect: VendorDialect) -> bytes | None:
    """None where a vendor of this dialect has no such list, or none that is read here."""
    return next((PATHS[name] for name in dialect if name in PATHS), None)


def ids_in(body: bytes) -> frozenset[str] | None:
    """The ids of a list, OpenAI's and Anthropic's (`data`) or Gemini's (`models`); None where it is no list."""
    try:
        found = _DECODE(body)
    except (ValueError, RecursionError):
        return None
    listed = found.data if found.data is not None else found.models
    return None if listed is None else frozenset(one.id or one.name for one in listed)
