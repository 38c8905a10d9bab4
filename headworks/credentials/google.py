"""Google's access tokens by google-auth, which only this file imports: a service account's file, workload identity (a file of the
kind `external_account`), or the application default credentials of the environment, the metadata server's among them."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any, Final

import google.auth
import msgspec
from google.auth import aws, identity_pool
from google.auth.transport.requests import Request
from google.oauth2 import credentials as users
from google.oauth2 import service_account

from headworks.credentials.refresher import Fetched

_SERVICE: Any = service_account.Credentials
_USER: Any = users.Credentials
_KINDS: dict[bool, Any] = {True: aws.Credentials, False: identity_pool.Credentials}
"""Untyped in the library. Workload identity is AWS's own where the file says so."""

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
MOST_BYTES: Final = 1_000_000


class UnknownKind(Exception):
    """A credentials file of a kind that is not read here."""


class Google(msgspec.Struct, frozen=True, kw_only=True):
    """file: of a service account or of workload identity; None for the application default credentials."""

    file: Path | None = None
    scope: str = SCOPE

    def fetch(self) -> Fetched[str]:
        """Asks for a new token. It blocks."""
        found = google.auth.default(scopes=[self.scope])[0] if self.file is None else self._from_file(self.file)
        found.refresh(Request())
        token = str(found.token)
        # Without a zone, and in UTC, as the library writes it.
        expires_at = None if found.expiry is None else found.expiry.replace(tzinfo=UTC).timestamp()
        return Fetched(token, expires_at, (token,))

    def _from_file(self, file: Path) -> Any:
        with file.open("rb") as opened:
            said = msgspec.json.decode(opened.read(MOST_BYTES), type=dict[str, Any])
        scopes = [self.scope]
        kind = said.get("type")
        if kind == "service_account":
            return _SERVICE.from_service_account_info(said, scopes=scopes)
        if kind == "authorized_user":
            return _USER.from_authorized_user_info(said, scopes)
        if kind == "external_account":
            source = said.get("credential_source") or {}
            return _KINDS["environment_id" in source].from_info(said, scopes=scopes)
        raise UnknownKind(f"{file.name} is of the kind {kind!r}: a service account's or an external account's is read")
