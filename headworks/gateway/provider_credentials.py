"""The credential of a provider whose key changes, from what the system file says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headworks.credentials.credential import Bearer, Credential
from headworks.credentials.library import fetching
from headworks.credentials.refresher import Refresher
from headworks.credentials.sigv4 import AwsKeys, Signer, SigV4
from headworks.http.dial import Origin
from headworks.system.derived.aws_region import aws_region
from headworks.system.derived.secret_values import secrets_sent_to
from headworks.system.schema.credentials import AwsCredential, GoogleCredential
from headworks.system.schema.secrets import Secret
from headworks.system.schema.system import OpenAI

CredentialFactory = Callable[[str, OpenAI, Path], Credential]
"""Gives a provider's credential: its name, what the file says of it, the file's folder."""

BEDROCK = "bedrock"
"""The service that requests to AWS are signed for."""


def credential_of(name: str, provider: OpenAI, folder: Path) -> Credential:
    """Not begun yet. Nothing of a library is imported before it is."""
    written = provider.credential
    secrets = secrets_sent_to(provider)
    if isinstance(written, AwsCredential):
        region = aws_region(provider)
        options = {
            "profile": written.profile or "",
            "role": written.role or "",
            "external_id": _revealed(written.external_id),
            "session": written.session or "",
        }
        keys: Refresher[AwsKeys] = Refresher(name, fetching("aws", "Aws", region=region, **options), secrets)
        return SigV4(keys, Signer(Origin.parse(provider.base_url).authority, region, BEDROCK))
    if isinstance(written, GoogleCredential):
        file = None if written.file is None else folder / written.file
        return Bearer(Refresher(name, fetching("google", "Google", file=file), secrets))
    assert written is not None, "a provider without a credential has none to be made"
    options = {
        "tenant": written.tenant or "",
        "client": written.client or "",
        "secret": _revealed(written.secret),
    }
    return Bearer(Refresher(name, fetching("azure", "Azure", **options), secrets))


def _revealed(secret: Secret | None) -> str:
    return "" if secret is None else secret.reveal()
