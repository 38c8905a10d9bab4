"""Where a dialect begins at well-known hosts: the path that a base URL must have there.

A wrong path answers 404 to every call, and the commonest one is no path at all. Hosts that are not here say nothing. Each row
is from the vendor's own page, named beside it and read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

OPENAI: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "api.openai.com": ("/v1",),  # platform.openai.com/docs/api-reference
        "api.anthropic.com": ("/v1",),  # docs.claude.com/en/api/openai-sdk
        "generativelanguage.googleapis.com": ("/v1beta/openai", "/v1/openai"),  # ai.google.dev/gemini-api/docs/openai
        "api.groq.com": ("/openai/v1",),  # console.groq.com/docs/openai
        "api.mistral.ai": ("/v1",),  # docs.mistral.ai/api
        "api.deepseek.com": ("", "/v1", "/beta"),  # api-docs.deepseek.com
        "openrouter.ai": ("/api/v1",),  # openrouter.ai/docs/quickstart
        "api.together.xyz": ("/v1",),  # docs.together.ai/docs/openai-api-compatibility
        "api.together.ai": ("/v1",),
        "api.fireworks.ai": ("/inference/v1",),  # docs.fireworks.ai/tools-sdks/openai-compatibility
        "api.x.ai": ("/v1",),  # docs.x.ai/docs/api-reference
        "api.cerebras.ai": ("/v1",),  # inference-docs.cerebras.ai/resources/openai
        "integrate.api.nvidia.com": ("/v1",),  # docs.api.nvidia.com/nim/reference/llm-apis
        "api.moonshot.ai": ("/v1",),  # platform.moonshot.ai/docs/api/chat
        "api.moonshot.cn": ("/v1",),
        "api.z.ai": ("/api/paas/v4", "/api/coding/paas/v4"),  # docs.z.ai/api-reference/introduction
        "open.bigmodel.cn": ("/api/paas/v4", "/api/coding/paas/v4"),  # docs.bigmodel.cn/cn/api/introduction
        "dashscope.aliyuncs.com": ("/compatible-mode/v1",),  # alibabacloud.com/help/en/model-studio
        "dashscope-intl.aliyuncs.com": ("/compatible-mode/v1",),
        "api.cohere.ai": ("/compatibility/v1",),  # docs.cohere.com/docs/compatibility-api
        "api.cohere.com": ("/compatibility/v1",),
        "api.sambanova.ai": ("/v1",),  # docs.sambanova.ai
        "api.deepinfra.com": ("/v1/openai",),  # deepinfra.com/docs/openai_api
    }
)


PATHS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType({"openai": OPENAI})
"""By the dialect's name in the system file. One that is not here is not looked at."""


def right_base_url(dialect: str, base_url: str) -> str | None:
    """The base URL that was probably meant; None where the host is not known, or the path is one of its own."""
    url = urlsplit(base_url)
    paths = PATHS.get(dialect, {}).get((url.hostname or "").lower())
    if paths is None or url.path.rstrip("/") in paths:
        return None
    return f"https://{url.hostname}{next((path for path in paths if path), '')}"
