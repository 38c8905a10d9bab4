"""Headers in Anthropic's API: which of a caller's go to a vendor, and which of a vendor's come back."""

from __future__ import annotations

from typing import Final

from headworks.core.dialect import Headers

OWN_HEADERS: Final = b"anthropic-"

VERSION: Final = b"anthropic-version"

DEFAULTS: Final[Headers] = ((VERSION, b"2023-06-01"),)
"""What a vendor wants to be told, where the caller does not tell it. https://platform.claude.com/docs/en/api/versioning"""

_FORWARDED: Final = frozenset({b"traceparent", b"idempotency-key"})
_OUR_ACCOUNT: Final = frozenset({b"anthropic-organization-id", b"anthropic-workspace-id", b"anthropic-user-profile-id"})
"""They choose an account of the key's owner, or tell of it. With *our* key a caller's choice is not for him to make."""

REQUEST_ID: Final = b"request-id"


def forwards(name: bytes) -> bool:
    """Whether a caller's header of this name may go to a vendor: betas and the version as they came."""
    return name in _FORWARDED or (name[:10] == OWN_HEADERS and name not in _OUR_ACCOUNT)


def returned(headers: Headers, more: frozenset[bytes]) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
    """The vendor's id of the answer, and its headers that pass to the caller: the limits, and `more`, without what speaks of
    our account. `request-id` is not among them: there the caller is told our own id, and the record has both."""
    request_id = b""
    passing = []
    for pair in headers:
        name = pair[0]
        if name == REQUEST_ID:
            request_id = pair[1]
        elif name[:20] == b"anthropic-ratelimit-" or (name in more and name not in _OUR_ACCOUNT):
            passing.append(pair)
    return request_id.decode("latin-1"), tuple(passing)
