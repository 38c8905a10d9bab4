"""What the head of a request tells: its key, its CORS headers, or why it is refused."""

from __future__ import annotations

import msgspec

from headworks.core.errors import CallError
from headworks.core.key import Key
from headworks.http.request_parser import Request
from headworks.server.origins import NONE
from headworks.server.problems import Headers


class Admitted(msgspec.Struct):
    """cors: headers for the browser that asked. key: whose call it is; None where there are no keys, or the path needs none.

    credential: the secret by which `key` was found. found_at: the keyring's version then. refusal: why it is not served, whatever its body says.
    """

    cors: Headers = NONE
    key: Key | None = None
    credential: str | None = None
    found_at: int = 0
    refusal: CallError | None = None


def bearer(request: Request) -> str | None:
    """The secret that the caller shows, or None."""
    value = request.get(b"authorization")
    if value is None or value[:7].lower() != b"bearer ":
        return None
    return value[7:].strip().decode("utf-8", "replace")
