"""Azure OpenAI: OpenAI's dialect, at two addresses.

The newer paths are OpenAI's own (`/openai/v1/chat/completions`), with the deployment as `model`. The older ones have the
deployment in the path and a version of the API in the query
(https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference, read in November 2026).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from headworks.wire.hosts import names_deployments
from headworks.wire.openai.chat import OpenAIChat
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.embeddings import OpenAIEmbeddings
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


DEPLOYMENTS: Final[VendorDialect] = MappingProxyType(
    {"openai.chat": DeployedChat(), "openai.embeddings": DeployedEmbeddings()}
)


def azure_at(base_url: str) -> VendorDialect:
    """What Azure speaks at this address."""
    return DEPLOYMENTS if names_deployments(base_url) else OPENAI
