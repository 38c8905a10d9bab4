"""Vendors whose name people write as a dialect, and where each speaks OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

BASE_URLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "anthropic": "https://api.anthropic.com/v1",
        "azure": "https://RESOURCE.openai.azure.com/openai/v1",
        "bedrock": "https://bedrock-runtime.REGION.amazonaws.com/openai/v1",
        "deepseek": "https://api.deepseek.com/v1",
        "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
        "groq": "https://api.groq.com/openai/v1",
        "mistral": "https://api.mistral.ai/v1",
        "ollama": "http://127.0.0.1:11434/v1",
        "openrouter": "https://openrouter.ai/api/v1",
        "together": "https://api.together.xyz/v1",
        "vllm": "http://127.0.0.1:8000/v1",
    }
)
"""By the vendor's own documentation of its OpenAI-compatible API."""


def spoken(dialect: str) -> str:
    """The remedy for a dialect that is not spoken here, where its vendor also speaks one that is; else nothing."""
    url = BASE_URLS.get(dialect.lower())
    if url is None:
        return ""
    return f"this vendor speaks OpenAI's dialect too: write dialect: openai and base_url: {url} (docs/system-file/vendors.md)"
