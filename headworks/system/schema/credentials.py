"""Credentials that change, as the system file writes them. What gets them stands in `headworks/credentials/`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from headworks.system.schema.secrets import Secret

FilePath: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "path"})]


class AwsCredential(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="aws"):
    """What the environment gives, or a profile; with a role on top of it where one is named. Requests are signed (SigV4)."""

    region: str | None = None
    profile: str | None = None
    role: str | None = None
    external_id: Secret | None = None
    session: str | None = None


class GoogleCredential(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="google"):
    """A service account's file or workload identity, else the application default credentials."""

    file: FilePath | None = None


class AzureCredential(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="azure"):
    """A client's secret, workload identity or a managed identity."""

    tenant: str | None = None
    client: str | None = None
    secret: Secret | None = None


Credential: TypeAlias = AwsCredential | GoogleCredential | AzureCredential

NEEDS = {
    AwsCredential: ("botocore", "aws"),
    GoogleCredential: ("google.auth", "google"),
    AzureCredential: ("azure.identity", "azure"),
}
"""The module that gets each, and the extra that brings it."""
