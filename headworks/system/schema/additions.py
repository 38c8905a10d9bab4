"""Leaves out of a file's digest what version 0.1 did not have and the file does not write: an upgrade changes no digest, and so no
kept answer."""

from __future__ import annotations

from typing import Any, Final

import msgspec

ADDED: Final = (
    ("same_as", b"null"),
    ("session", b"null"),
    ("credential", b"null"),
    ("apis", b"[]"),
    ("prompt_cache", b"null"),
    ("per", b"null"),
)
"""Keys of models, providers, API keys and groups that version 0.1 did not have, as they are by default."""


def without_additions(parts: msgspec.Raw) -> msgspec.Raw:
    """The same models, providers, keys or groups without keys that are new and not written."""
    found = msgspec.json.decode(parts, type=dict[str, dict[str, msgspec.Raw]])
    for part in found.values():
        for name, default in ADDED:
            if name in part and bytes(part[name]) == default:
                del part[name]
        if "targets" in part:
            part["targets"] = targets_without_additions(part["targets"])
    return msgspec.Raw(msgspec.json.encode(found, order="sorted"))


ADDED_TO_TARGETS: Final = (("capabilities", b"null"),)
"""The same for the keys of targets."""


def targets_without_additions(tiers: msgspec.Raw) -> msgspec.Raw:
    found = msgspec.json.decode(tiers, type=list[list[dict[str, msgspec.Raw]]])
    for target in (one for tier in found for one in tier):
        for name, default in ADDED_TO_TARGETS:
            if bytes(target.get(name, b"")) == default:
                del target[name]
    return msgspec.Raw(msgspec.json.encode(found, order="sorted"))


def with_promises_of_0_1(requirements: msgspec.Raw) -> msgspec.Raw:
    """The same requirements without keys that are new and not written."""
    found = msgspec.json.decode(requirements, type=dict[str, Any])
    for part, name in ((found["traffic"], "sessions"), *[(one, "per") for one in found["objectives"]]):
        if part[name] is None:
            del part[name]
    return msgspec.Raw(msgspec.json.encode(found, order="sorted"))


def without(part: msgspec.Raw, name: str) -> msgspec.Raw:
    """The same part without a key that version 0.1 did not have."""
    found = msgspec.json.decode(part, type=dict[str, msgspec.Raw])
    del found[name]
    return msgspec.Raw(msgspec.json.encode(found, order="sorted"))
