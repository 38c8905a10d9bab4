"""Authentication: checks the key of a call. Calls without a valid key go no further."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hmac import compare_digest
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.clock import wall
from headworks.core.errors import Forbidden, KeysAway, Unauthenticated, Unkept, UnknownModel
from headworks.core.key import UNLIMITED, Allowance, Change, Key, secret_digest
from headworks.core.passage import Passage
from headworks.core.service import Opening, Service

NEVER = float("inf")


class Keyring:
    """All keys, of the system file and of the store, in one hash table by the digest of their secrets.

    While the store cannot be read (`is_away`), known keys still work. An unknown key gets KeysAway, as it may be valid. Where both
    have a secret the file's key counts.
    """

    def __init__(self, keys: Sequence[Key] = (), groups: Mapping[str, Allowance] | None = None) -> None:
        self.is_required = bool(keys)
        self.is_away: Callable[[], bool] = lambda: False
        self.is_open = False
        """Whether any caller is served: there are no keys, and never were any in the store. An attribute, as each call reads it."""
        self.version = 0
        """Counts the changes, so that a key which was looked up earlier is looked up again after a change."""
        self._is_read = True
        self._by_digest: dict[bytes, Key] = {}
        self._digests: dict[str, bytes | tuple[bytes, ...]] = {}
        """The digests of the secrets of each key of the store. A single one is kept without a tuple: a million tuples of one would be 60 MB."""
        self._has_made = False
        self._revoked: set[str] = set()
        self._file: dict[bytes, Key] = {}
        self._groups: dict[str, Allowance] = {}
        self._file_groups: Mapping[str, Allowance] = {}
        self.allowances: tuple[tuple[str, Allowance], ...] = ()
        """What the file allows, by the name that its budget has: `key/NAME`, `group/NAME`."""
        self.file(keys, groups or {})

    def __len__(self) -> int:
        return len(self._by_digest) + len(self._file)

    @property
    def is_read(self) -> bool:
        """Whether the store has been read completely once. Before that an unknown key may be valid."""
        return self._is_read

    @is_read.setter
    def is_read(self, is_read: bool) -> None:
        self._is_read = is_read
        self._changed()

    @property
    def is_keyed(self) -> bool:
        """Whether any key exists, as far as is known now."""
        return self.is_required or self._has_made

    def file(self, keys: Sequence[Key], groups: Mapping[str, Allowance], *, is_required: bool = False) -> None:
        """Replaces the keys and groups of the system file. is_required: calls without a key are refused."""
        self.is_required = is_required or bool(keys)
        self._file = {key.digest: key for key in keys}
        self._file_groups = groups
        self.allowances = (
            *[(f"key/{key.name}", key.allowance) for key in keys],
            *[(f"group/{name}", allowance) for name, allowance in groups.items()],
        )
        self._changed()

    def change(self, changes: Iterable[Change]) -> None:
        """Applies changes of the store."""
        for one in changes:
            if one.kind == "group":
                self._groups[one.name] = one.allowance
            elif one.kind == "revoked":
                (self._revoked.add if one.is_revoked else self._revoked.discard)(one.name)
            else:
                self._has_made = True
                self._change_key(one)
        self._changed()

    def group(self, name: str) -> Allowance:
        """The limits of a group. Those of the file count where both have it."""
        return self._file_groups.get(name) or self._groups.get(name, UNLIMITED)

    def find(self, secret: str | None) -> Key:
        """The key with this secret. Raises Unauthenticated where there is none, KeysAway where that is not known."""
        if not secret:
            if not (self.is_keyed or self._is_read):
                raise self._untold("whether a key is needed here is not known yet")
            raise Unauthenticated("You did not provide an API key: send it as `Authorization: Bearer KEY`.")
        presented = secret_digest(secret)
        key = self._file.get(presented)
        if key is not None and key.name in self._revoked:
            key = None
        elif key is None:
            key = self._by_digest.get(presented)
            if key is None and (not self._is_read or self.is_away()):
                raise self._untold("this key is not known yet")
        # The table is looked up by the digest, so its timing tells nothing about a secret; the compare is for the form.
        if key is None or not compare_digest(key.digest, presented):
            raise Unauthenticated("Incorrect API key provided.")
        if key.expires_at != NEVER:
            require_alive(key)
        return key

    def members(self, group: str) -> list[str]:
        """The names of a group's keys. Another thread may ask: the tables are copied at once."""
        return [key.name for key in [*list(self._file.values()), *list(self._by_digest.values())] if key.group == group]

    def keys(self) -> Iterable[Key]:
        """Every key that may be used (a key with a former secret twice)."""
        yield from (key for key in self._file.values() if key.name not in self._revoked)
        yield from self._by_digest.values()

    def _untold(self, what: str) -> KeysAway:
        wait = 5.0 if self.is_away() else 1.0  # a start reads the store within a moment
        return KeysAway(f"The key store cannot be read right now, and {what}.", retry_after=wait)

    def _changed(self) -> None:
        self.version += 1
        self.is_open = self._is_read and not self.is_keyed

    def _change_key(self, change: Change) -> None:
        was = self._digests.pop(change.name, ())
        for digest in (was,) if isinstance(was, bytes) else was:
            self._by_digest.pop(digest, None)
        key = change.key
        if key is None:
            return
        self._by_digest[key.digest] = key
        for digest, until in change.former:
            former = msgspec.structs.replace(key, digest=digest, expires_at=min(until, key.expires_at))
            self._by_digest[digest] = former
        self._digests[change.name] = (
            (key.digest, *(digest for digest, _ in change.former)) if change.former else key.digest
        )


def require_alive(key: Key) -> None:
    """Raises Unauthenticated for a key that has expired."""
    if key.expires_at <= wall():
        raise Unauthenticated("This API key has expired.")


UPLOADS: Final = frozenset({"files", "uploads"})
"""Words of paths at which no model is asked."""


def refuse_other_models(key: Key, passage: Passage) -> None:
    """Raises Forbidden where a key that may use some models only would write what may name any model."""
    if not passage.is_free and passage.word not in UPLOADS:
        raise Forbidden(
            f"Your key may use some models only (`models`), and what is sent to /v1/{passage.word} may name any: it may upload, read and "
            "delete. Ask the operator for a key without `models`."
        )


class Auth:
    """Checks the caller's key and what it may use.

    A server looks the key up as soon as it has the headers, and hands it on (`Call.key`): it is looked up again only where the
    keyring has changed since, for a body may be long in coming.
    """

    def __init__(self, inner: Service, keys: Keyring) -> None:
        self.inner = inner
        self.keys = keys

    def open(self, call: Call) -> Opening:
        keys = self.keys
        key = call.key
        if keys.is_open:
            return self.inner.open(call if key is None else msgspec.structs.replace(call, key=None))
        if key is None or call.found_at != keys.version:
            key = keys.find(call.credential)
        elif key.expires_at != NEVER:
            require_alive(key)
        trail = call.trail
        trail.key = key.name
        trail.group = key.group
        trail.tags = key.tags
        # A body that only lacks what Stored has was read: its alias is known.
        if (call.refusal is None or type(call.refusal) is Unkept) and not key.may_use(call.alias):
            if call.passage is None:
                raise UnknownModel.named(call.alias)
            refuse_other_models(key, call.passage)
        return self.inner.open(
            msgspec.structs.replace(call, tenant=key.name, key=key, priority=key.priority, credential=None)
        )
