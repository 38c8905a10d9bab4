"""Entra ID's tokens by azure-identity: a managed identity on loopback, and which of its classes is asked for what is written."""

from __future__ import annotations

import json
import time

import pytest
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

from headworks.credentials.azure import Azure
from tests.credentials.endpoint import endpoint


def test_a_managed_identity_gives_a_token_and_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # https://learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference), read 2026-11-30
    expires = int(time.time()) + 86400
    said = {"access_token": "eyJ.token", "expires_on": str(expires), "resource": "r", "token_type": "Bearer"}
    with endpoint(json.dumps(said)) as identity:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        for _ in range(2):
            fetched = Azure(client="c1").fetch()
            assert (fetched.value, fetched.secrets) == ("eyJ.token", ("eyJ.token",))
            assert fetched.expires_at == pytest.approx(expires, abs=5)
    assert len(identity.asked) == 2
    assert "resource=https" in identity.asked[0].path
    assert "cognitiveservices.azure.com" in identity.asked[0].path
    assert "client_id=c1" in identity.asked[0].path


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (Azure(tenant="00000000-0000-0000-0000-000000000001", client="c", secret="s"), ClientSecretCredential),
        (Azure(client="c"), ManagedIdentityCredential),
        (Azure(), DefaultAzureCredential),
    ],
)
def test_what_is_written_says_who_is_asked(written: Azure, kind: type) -> None:
    with written._credential() as made:
        assert type(made) is kind
