"""What is asked beside `POST /v1/responses` and is not served, with the way out.

Always true: nothing is kept here, so an answer's id names nothing, whoever asks.
"""

from __future__ import annotations

from typing import Final

from headworks.core.errors import CallError, Malformed
from headworks.server.problems import WrongMethod

RESPONSES: Final = "/v1/responses"
_BELOW: Final = RESPONSES + "/"

_COMPACT: Final = _BELOW + "compact"
_COUNT: Final = _BELOW + "input_tokens"


class UpgradeRefused(WrongMethod):
    """A WebSocket is asked for (RFC 9110, section 15.5.22). Codex asks by a POST then."""

    status = 426
    code = "upgrade_not_supported"
    upgrade = b"HTTP/1.1"


def refused(method: str, path: str, *, upgrades: bool) -> CallError | None:
    """Why a request at or below the path is not served; None where it is another path, or a call."""
    if path == RESPONSES and method == "GET" and upgrades:
        return UpgradeRefused(f"{RESPONSES} takes no WebSocket: send a POST, which streams events.", "POST")
    if not path.startswith(_BELOW):
        return None
    rest = path.removeprefix(_BELOW)
    if method == "POST" and path == _COUNT:
        return Malformed("Counting tokens before a call is not served: the answer's `usage` has them.")
    if path == _COMPACT or (method == "POST" and not rest.endswith("/cancel")):
        return None
    return Malformed(
        f"{path[:128]} names an answer that is kept, and this gateway keeps none (its answers say `store: false`). Send the "
        "earlier turns in `input`.",
        param="response_id",
    )
