"""The dialect in which this package itself calls: in its own process, in loads, drills and plans, in the tests that it ships.

One name for all of them, so that none of them names a vendor. The bodies that they write are of this dialect.
"""

from __future__ import annotations

from typing import Final

from headworks.wire.openai.caller import CHAT
from headworks.wire.openai.chat import OpenAIChat

OWN: Final = CHAT
"""The caller's side."""

OWN_VENDOR: Final = OpenAIChat()
"""The vendor's side: how the maker of such a call reads its answer."""

OWN_PATH: Final = b"/v1/chat/completions"
"""Where the public port takes such a call."""
