"""Google's tokens by google-auth: a service account's file, workload identity, and a kind that is not read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from headworks.credentials.google import SCOPE, Google, UnknownKind
from tests.credentials.endpoint import endpoint

# The shapes are those of google-auth's own tests (tests/oauth2/test__client.py, tests/test_identity_pool.py), read 2026-11-30.
TOKEN = json.dumps({"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"})


def account(key: rsa.RSAPrivateKey, url: str) -> dict[str, str]:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "client_email": "gateway@project.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": pem,
        "token_uri": f"{url}/token",
        "universe_domain": "googleapis.com",
    }


def test_a_service_account_signs_for_its_token(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "account.json"
    with endpoint(TOKEN) as google:
        file.write_text(json.dumps(account(key, google.url)))
        fetched = Google(file=file).fetch()
    assert (fetched.value, fetched.secrets) == ("ya29.token", ("ya29.token",))
    assert fetched.expires_at == pytest.approx(time.time() + 3599, abs=60)
    [asked] = google.asked
    claims = jwt.decode(
        parse_qs(asked.body)["assertion"][0],
        key.public_key(),
        algorithms=["RS256"],
        audience="https://oauth2.googleapis.com/token",
    )
    assert (claims["iss"], claims["scope"]) == ("gateway@project.iam.gserviceaccount.com", SCOPE)


def test_workload_identity_exchanges_the_token_of_its_platform(tmp_path: Path) -> None:
    file, subject = tmp_path / "workload.json", tmp_path / "subject"
    subject.write_text("the platform's token")
    exchanged = json.dumps({**json.loads(TOKEN), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})
    with endpoint(exchanged) as sts:
        audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k"
        said = {
            "type": "external_account",
            "audience": audience,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{sts.url}/v1/token",
            "credential_source": {"file": str(subject)},
        }
        file.write_text(json.dumps(said))
        assert Google(file=file).fetch().value == "ya29.token"
    asked = parse_qs(sts.asked[0].body)
    assert (asked["subject_token"], asked["audience"]) == (["the platform's token"], [audience])


def test_a_file_of_another_kind_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"type": "gdch_service_account"}')
    with pytest.raises(UnknownKind, match="gdch_service_account"):
        Google(file=file).fetch()
