"""AWS keys by botocore, which only this file imports: what the environment has (variables, profiles with SSO or a role, web
identity of a Kubernetes service account, container, instance), and a role on top of it where one is named."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import botocore.session
import msgspec

from headworks.credentials.refresher import Fetched
from headworks.credentials.sigv4 import AwsKeys

SESSION: Final = "headworks"
"""The name of a role's session where the file has none: CloudTrail shows it."""

LIFE: Final = 3600
"""Seconds for which a role is assumed: what every role allows."""


class NoKeys(Exception):
    """Nothing in the environment gives AWS keys."""


class Aws(msgspec.Struct, frozen=True, kw_only=True):
    """profile: of `~/.aws/config`, "" for the default chain. role: an ARN that is assumed with what the chain gives."""

    region: str
    profile: str = ""
    role: str = ""
    external_id: str = ""
    session: str = ""

    def fetch(self) -> Fetched[AwsKeys]:
        """Asks for new keys. It blocks: it reads files and may ask two services."""
        # A new session each time: it reads profiles and token files anew, and keeps nothing that is about to expire.
        session = botocore.session.Session(profile=self.profile or None)
        session.set_config_variable("region", self.region)
        found = session.get_credentials()
        if found is None:
            raise NoKeys("no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run under a role")
        if self.role:
            return self._assumed(session)
        keys = found.get_frozen_credentials()
        expires_at: datetime | None = getattr(found, "_expiry_time", None)
        return _fetched(AwsKeys(keys.access_key, keys.secret_key, keys.token or ""), expires_at)

    def _assumed(self, session: Any) -> Fetched[AwsKeys]:
        asked: dict[str, Any] = {
            "RoleArn": self.role,
            "RoleSessionName": self.session or SESSION,
            "DurationSeconds": LIFE,
        }
        if self.external_id:
            asked["ExternalId"] = self.external_id
        given = session.create_client("sts", region_name=self.region).assume_role(**asked)["Credentials"]
        keys = AwsKeys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return _fetched(keys, given["Expiration"])


def _fetched(keys: AwsKeys, expires_at: datetime | None) -> Fetched[AwsKeys]:
    secrets = tuple(filter(None, (keys.secret_key, keys.token)))
    return Fetched(keys, None if expires_at is None else expires_at.timestamp(), secrets)
