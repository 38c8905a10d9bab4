"""AWS Signature Version 4: a request signed with a key that never leaves this process.

The algorithm is AWS's (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read in
November 2026). Always true: the path is signed as it is sent, percent-encoded once more, as every service but S3 wants it; the
query is signed sorted; the key of a day, region and service is made once.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import msgspec

from headworks.core.clock import wall
from headworks.core.masking import Mask
from headworks.credentials.refresher import Refresher

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"


class AwsKeys(msgspec.Struct, frozen=True):
    """What AWS gives somebody to sign with. token: of a role or a session; "" for a user's own."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return "AwsKeys(...)"


class Signer:
    """Signs for one host, region and service."""

    def __init__(self, host: str, region: str, service: str) -> None:
        self.host = host
        self.region = region
        self.service = service
        self._day = ("", AwsKeys("", ""))
        self._key = b""

    def headers(self, keys: AwsKeys, method: bytes, path: bytes, body: bytes, at: float) -> bytes:
        """Header lines; `host` is signed and not among them. path: with its query. at: seconds since 1970."""
        moment = datetime.fromtimestamp(at, UTC)
        stamp = moment.strftime("%Y%m%dT%H%M%SZ")
        day = stamp[:8]
        place, _, query = path.decode("ascii").partition("?")
        named = f"host:{self.host}\nx-amz-date:{stamp}\n"
        names = "host;x-amz-date"
        if keys.token:
            named += f"x-amz-security-token:{keys.token}\n"
            names += ";x-amz-security-token"
        canonical = "\n".join(
            (
                method.decode("ascii"),
                quote(place or "/", safe=f"/{_UNRESERVED}"),
                _sorted(query),
                named,
                names,
                sha256(body).hexdigest(),
            )
        )
        scope = f"{day}/{self.region}/{self.service}/aws4_request"
        to_sign = "\n".join((_ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))
        signature = hmac.digest(self._key_of(keys, day), to_sign.encode(), "sha256").hex()
        lines = (
            f"x-amz-date: {stamp}\r\n"
            f"authorization: {_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}\r\n"
        )
        if keys.token:
            lines += f"x-amz-security-token: {keys.token}\r\n"
        return lines.encode("ascii")

    def _key_of(self, keys: AwsKeys, day: str) -> bytes:
        if self._day != (day, keys):
            key = f"AWS4{keys.secret_key}".encode()
            for part in (day, self.region, self.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = (day, keys), key
        return self._key


def _sorted(query: str) -> str:
    """The query as it is signed. Ours is written by us, and already encoded."""
    if not query:
        return ""
    pairs = [one.partition("=") for one in query.split("&")]
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))


class SigV4:
    """Signs each request to one AWS service."""

    def __init__(self, refresher: Refresher[AwsKeys], signer: Signer) -> None:
        self._refresher = refresher
        self._signer = signer

    @property
    def mask(self) -> Mask:
        return self._refresher.mask

    @property
    def problem(self) -> str:
        return self._refresher.problem

    async def headers(self, method: bytes, path: bytes, body: bytes, by: float) -> bytes:
        keys = await self._refresher.value(by)
        return self._signer.headers(keys, method, path, body, wall())

    def start(self) -> None:
        self._refresher.start()

    async def close(self) -> None:
        await self._refresher.close()
