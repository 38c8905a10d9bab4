"""Azure OpenAI: OpenAI's dialect, at two addresses.

The newer paths are OpenAI's own (`/openai/v1/chat/completions`, `/openai/v1/responses`), with the deployment as `model`. The older
ones have a version of the API in the query and the deployment in the path, but for Responses, which came with the version
2025-03-01-preview and has it in the body there too. So there Responses is asked for only where the file's `apis` says so
(https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference and .../openai/how-to/responses, read in November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from headworks.wire.hosts import names_deployments
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.completions.vendor import OpenAICompletions
from headworks.wire.openai.dialect import USUAL, speaking
from headworks.wire.openai.embeddings import OpenAIEmbeddings
from headworks.wire.openai.responses.vendor import OpenAIResponses
from headworks.wire.presets import BY_WORD
from headworks.wire.sides import VendorDialect


class DeployedChat(OpenAIChat):
    """Chat completions of a deployment, by the older paths."""

    def path(self, model: str, *, streamed: bool) -> bytes:
        return _deployment(model) + super().path(model, streamed=streamed)


class DeployedEmbeddings(OpenAIEmbeddings):
    """Embeddings of a deployment, by the older paths."""

    def path(self, model: str, *, streamed: bool) -> bytes:
        return _deployment(model) + super().path(model, streamed=streamed)


def _deployment(model: str) -> bytes:
    return f"/openai/deployments/{quote(model, safe='')}".encode("ascii")


class DeployedCompletions(OpenAICompletions):
    """Legacy completions of a deployment, by the older paths."""

    def path(self, model: str, *, streamed: bool) -> bytes:
        return _deployment(model) + super().path(model, streamed=streamed)


class VersionedResponses(OpenAIResponses):
    """Responses by the older paths."""

    def path(self, model: str, *, streamed: bool) -> bytes:
        return b"/openai" + super().path(model, streamed=streamed)


OLDER: Final[Mapping[str, VendorDialect]] = MappingProxyType(
    {
        "chat": {"openai.chat": DeployedChat()},
        "responses": {"openai.responses": VersionedResponses()},
        "completions": {"openai.completions": DeployedCompletions()},
        "embeddings": {"openai.embeddings": DeployedEmbeddings()},
    }
)
"""What belongs to each API by the older paths, by its word in the system file."""


def azure_at(base_url: str, apis: Sequence[str] = ()) -> VendorDialect:
    """What Azure speaks at this address: the APIs that are said of it, else those that every version there has."""
    if names_deployments(base_url):
        return MappingProxyType({name: side for word in apis or USUAL for name, side in OLDER[word].items()})
    return speaking(apis or BY_WORD["azure"].apis)
