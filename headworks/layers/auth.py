"""Who calls. Nothing below is spent on strangers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest

import msgspec

from headworks.core.call import Call, Priority
from headworks.core.errors import Unauthenticated, UnknownModel
from headworks.core.service import Opening, Service


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call: a name, the digest of the secret, the aliases it may use (none named: all) and its priority."""

    name: str
    digest: bytes
    models: frozenset[str] = frozenset()
    priority: Priority = "normal"

    def may_use(self, alias: str) -> bool:
        return not self.models or alias in self.models


def secret_digest(secret: str) -> bytes:
    """The form in which a secret is kept: it cannot be turned back."""
    return blake2b(secret.encode(), digest_size=32).digest()


class Keyring:
    """Every key, found by its secret in one step whatever their number."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._by_digest: Mapping[bytes, Key] = {key.digest: key for key in keys}

    def find(self, secret: str | None) -> Key:
        """The key with this secret; Unauthenticated when there is none."""
        if not secret:
            raise Unauthenticated("You did not provide an API key: send it as `Authorization: Bearer KEY`.")
        presented = secret_digest(secret)
        key = self._by_digest.get(presented)
        # The table is looked up by the digest, so its timing tells nothing about a secret; the compare is for the form.
        if key is None or not compare_digest(key.digest, presented):
            raise Unauthenticated("Incorrect API key provided.")
        return key


class Auth:
    """Checks the caller's key and what it may use. Not in the stack where the system file has no keys."""

    def __init__(self, inner: Service, keys: Keyring) -> None:
        self.inner = inner
        self.keys = keys

    def open(self, call: Call) -> Opening:
        key = self.keys.find(call.credential)
        call.trail.key = key.name
        if call.refusal is None and not key.may_use(call.alias):
            raise UnknownModel.named(call.alias)
        return self.inner.open(msgspec.structs.replace(call, tenant=key.name, priority=key.priority, credential=None))
