"""AWS keys by botocore: from variables, from a role with an external id, and from a Kubernetes service account."""

from __future__ import annotations

import datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from headworks.credentials.aws import Aws, NoKeys
from tests.credentials.endpoint import endpoint

# The shape is that of https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, read 2026-11-30.
STS = """<AssumeRole{web}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRole{web}Result>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/demo/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
<SessionToken>role-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRole{web}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRole{web}Response>"""
EXPIRES_AT = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC).timestamp()
ROLE = "arn:aws:iam::123456789012:role/demo"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key of this machine is seen, and its instance is not asked."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_keys_of_the_environment_never_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    fetched = Aws(region="eu-central-1").fetch()
    assert (fetched.value.access_key, fetched.value.secret_key, fetched.value.token) == ("AKIDEXAMPLE", "secret", "")
    assert (fetched.expires_at, fetched.secrets) == (None, ("secret",))


def test_a_profile_is_the_one_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = theirs\n")
    assert Aws(region="eu-central-1", profile="other").fetch().value.access_key == "AKIDOTHER"


def test_without_any_the_remedy_is_told() -> None:
    with pytest.raises(NoKeys, match="AWS_PROFILE"):
        Aws(region="eu-central-1").fetch()


def test_a_role_is_assumed_with_its_external_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with endpoint(STS.format(web=""), "text/xml") as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        fetched = Aws(region="eu-central-1", role=ROLE, external_id="ours-1", session="gateway").fetch()
    assert (fetched.value.access_key, fetched.value.token) == ("ASIAROLE", "role-token")
    assert (fetched.expires_at, fetched.secrets) == (EXPIRES_AT, ("role-secret", "role-token"))
    [asked] = sts.asked
    said = {name: value for name, [value] in parse_qs(asked.body).items()}
    assert (said["RoleArn"], said["ExternalId"], said["RoleSessionName"]) == (ROLE, "ours-1", "gateway")
    assert "Credential=AKIDEXAMPLE/" in asked.headers["authorization"]


def test_a_kubernetes_service_account_gets_its_role_and_its_token_is_read_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    with endpoint(STS.format(web="WithWebIdentity"), "text/xml") as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        for written in ("first", "second"):
            token.write_text(written)
            fetched = Aws(region="eu-central-1").fetch()
            assert (fetched.value.access_key, fetched.expires_at) == ("ASIAROLE", EXPIRES_AT)
    assert [parse_qs(asked.body)["WebIdentityToken"] for asked in sts.asked] == [["first"], ["second"]]
