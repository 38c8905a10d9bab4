"""What the head of a request tells: its key, its CORS headers, or why it is refused."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

import msgspec

from headworks.core.dialect import KEY_HEADERS
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


KEY_QUERY: Final = "key"
"""The name in the query under which Google's older clients send it."""


def credential(request: Request) -> str | None:
    """The secret that the caller shows, or None: the first of `Authorization: Bearer`, `KEY_HEADERS` and `?key=`."""
    value = request.get(b"authorization")
    if value is not None and value[:7].lower() == b"bearer ":
        return value[7:].strip().decode("utf-8", "replace")
    for name in KEY_HEADERS:
        if (value := request.get(name)) is not None and value.strip():
            return value.strip().decode("utf-8", "replace")
    if request.query and (shown := dict(parse_qsl(request.query)).get(KEY_QUERY)):
        return shown
    return None
