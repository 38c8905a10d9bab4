"""Signature Version 4 is AWS's: its own vectors, and botocore's signature of any request of ours."""

from __future__ import annotations

import asyncio
import datetime
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from headworks.credentials.refresher import Fetched, Refresher
from headworks.credentials.sigv4 import AwsKeys, Signer, SigV4

# https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4, read 2026-11-30
AT = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC).timestamp()
KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"


def signed(method: bytes, path: bytes, body: bytes = b"", keys: AwsKeys = KEYS) -> dict[str, str]:
    lines = Signer("example.amazonaws.com", "us-east-1", "service").headers(keys, method, path, body, AT).decode()
    assert lines.endswith("\r\n")
    return dict(line.split(": ", 1) for line in lines.splitlines())


@pytest.mark.parametrize(
    ("path", "keys", "names", "signature"),
    [
        (b"/", KEYS, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            b"/?Param2=value2&Param1=value1",
            KEYS,
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            b"/",
            AwsKeys(KEYS.access_key, KEYS.secret_key, TOKEN),
            "host;x-amz-date;x-amz-security-token",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
    ],
    ids=["get-vanilla", "get-vanilla-query-order-key-case", "get-vanilla-with-session-token"],
)
def test_the_vectors_of_aws(path: bytes, keys: AwsKeys, names: str, signature: str) -> None:
    assert signed(b"GET", path, keys=keys)["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=40)


@given(model=NAMES, body=st.binary(max_size=200), token=st.sampled_from(["", TOKEN]), at=st.integers(0, 4 * 10**9))
def test_a_request_is_signed_as_botocore_signs_it(model: str, body: bytes, token: str, at: int) -> None:
    path = f"/model/{quote(model, safe='')}/converse"
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    keys = AwsKeys("AKIDEXAMPLE", "a secret/key+of=40", token)
    ours = Signer(host, "eu-central-1", "bedrock").headers(keys, b"POST", path.encode(), body, float(at)).decode()
    lines = dict(line.split(": ", 1) for line in ours.splitlines())
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    request = AWSRequest("POST", f"https://{host}{path}", data=body)
    request.headers["X-Amz-Date"] = lines["x-amz-date"] = moment.strftime("%Y%m%dT%H%M%SZ")
    request.context["timestamp"] = lines["x-amz-date"]
    theirs = botocore.auth.SigV4Auth(
        ReadOnlyCredentials(keys.access_key, keys.secret_key, token or None, None), "bedrock", "eu-central-1"
    )
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = theirs.canonical_request(request)
    assert lines["authorization"].endswith(theirs.signature(theirs.string_to_sign(request, canonical), request))


def test_the_key_of_a_day_is_made_again_when_the_day_or_the_keys_change() -> None:
    signer = Signer("h", "us-east-1", "bedrock")
    first = signer.headers(KEYS, b"POST", b"/", b"", AT)
    assert signer.headers(KEYS, b"POST", b"/", b"", AT) == first
    other = AwsKeys("AKIDEXAMPLE", "another")
    assert signer.headers(other, b"POST", b"/", b"", AT) != first
    assert signer.headers(KEYS, b"POST", b"/", b"", AT + 86400) != first
    assert signer.headers(KEYS, b"POST", b"/", b"", AT) == first
    assert "wJalr" not in repr(KEYS)


def test_a_credential_signs_with_the_keys_that_are_there() -> None:
    async def fetch() -> Fetched[AwsKeys]:
        return Fetched(KEYS, None, (KEYS.secret_key,))

    async def main() -> bytes:
        credential = SigV4(Refresher("v", fetch), Signer("h", "us-east-1", "bedrock"))
        credential.start()
        lines = await credential.headers(b"POST", b"/model/x/converse", b"{}", float("inf"))
        assert credential.mask.masked(KEYS.secret_key.encode()) == b"***"
        assert credential.problem == ""
        await credential.close()
        return lines

    assert b"Credential=AKIDEXAMPLE/" in asyncio.run(main())
