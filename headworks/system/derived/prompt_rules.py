"""Whose published rules the prompt cache of a target keeps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from headworks.system.schema.system import OpenAI, Provider, Simulated
from headworks.wire.prompt_caching import Rules

_BY_DIALECT: Final[Mapping[str, Rules]] = MappingProxyType(
    {
        "anthropic": "anthropic",
        "azure": "openai",
        "deepseek": "deepseek",
        "gemini": "gemini",
        "vertex": "gemini",
    }
)
_OPENAI: Final = "https://api.openai.com/"


def prompt_rules(provider: Provider, model: str) -> Rules | None:
    """None where the vendor's rules are not in our table: then nothing is known to be cached."""
    if isinstance(provider, Simulated):
        return provider.prompt_cache
    if not isinstance(provider, OpenAI):
        return None
    dialect = str(type(provider).__struct_config__.tag)
    if dialect == "openai":
        return "openai" if provider.base_url.startswith(_OPENAI) else None
    if dialect == "bedrock":
        return "anthropic" if "claude" in model.lower() else None
    return _BY_DIALECT.get(dialect)
