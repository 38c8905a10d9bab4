"""Tokens of Microsoft Entra ID by azure-identity, which only this file imports: a client's secret, workload identity of a
Kubernetes service account, or a managed identity."""

from __future__ import annotations

from typing import Final

import msgspec
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

from headworks.credentials.refresher import Fetched

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
"""What a token for Azure OpenAI is asked for (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/managed-identity)."""


class Azure(msgspec.Struct, frozen=True, kw_only=True):
    """With a secret: that client's. With a client alone: that managed identity. With nothing: what the environment has, workload
    identity and the machine's managed identity among it."""

    tenant: str = ""
    client: str = ""
    secret: str = ""
    scope: str = SCOPE

    def fetch(self) -> Fetched[str]:
        """Asks for a new token. It blocks."""
        # A new credential each time: an old one would give the token that it keeps.
        with self._credential() as credential:
            given = credential.get_token(self.scope)
        return Fetched(given.token, float(given.expires_on), (given.token,))

    def _credential(self) -> ClientSecretCredential | ManagedIdentityCredential | DefaultAzureCredential:
        if self.secret:
            return ClientSecretCredential(self.tenant, self.client, self.secret)
        if self.client:
            return ManagedIdentityCredential(client_id=self.client)
        return DefaultAzureCredential(exclude_interactive_browser_credential=True)
