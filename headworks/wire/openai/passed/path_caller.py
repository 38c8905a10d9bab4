"""Callers of a path that passes to a provider as it is: files, batches, vector stores and what else the system file names."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from headworks.core.dialect import Asked, Headers, Weight
from headworks.core.errors import CallError, Malformed, Rejected
from headworks.core.passage import PASSAGE_PREFIX, Passage
from headworks.wire.openai.caller import OWN_HEADERS
from headworks.wire.openai.errors import problem, status, vendor_error
from headworks.wire.whole_forms import WholeForms

METHODS: Final = ("GET", "POST", "DELETE")

KEY_QUERY: Final = "key"
"""Where some callers send their key. It is ours to read, and no vendor's."""

OF_THE_CALLER: Final = frozenset({404, 405, 409, 410})

MOST_PATH: Final = 2000
MOST_QUERY: Final = 4000
_SEGMENT = re.compile(r"[A-Za-z0-9_.:@=+,~-]{1,256}")


class PathCaller:
    """Callers of the paths below `/v1/WORD`."""

    id_header: Final = b""
    keepalive: Final = b""
    bound_name: Final = ""
    own_headers: Final = OWN_HEADERS
    operation: Final = "passthrough"
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    status = staticmethod(status)
    problem = staticmethod(problem)

    def __init__(self, word: str) -> None:
        self.name = "openai.passthrough"
        self.word = word

    def read(self, body: bytes, path: str = "", /) -> Asked:
        return Asked(model=PASSAGE_PREFIX + self.word)

    def question(self, body: bytes, /) -> bytes | None:
        return None

    def weigh(self, body: bytes, /) -> Weight:
        return Weight(unbounded=self.word)

    def is_ordinary(self, body: bytes, headers: Headers, /) -> bool:
        return False

    def event(self, error: CallError, /) -> bytes:
        """Nothing can be said in the middle of a file: the connection is cut, so that it looks like a cut."""
        return b""


def passage_of(method: str, path: str, query: str, content_type: str) -> Passage:
    """The request as it passes on. path: below `/v1`, with its slash, as it came. Raises Malformed where a vendor may read the path as
    another one than was checked."""
    segments = path.removeprefix("/").split("/")
    if len(path) > MOST_PATH or len(query) > MOST_QUERY:
        raise Malformed(f"The path has more than {MOST_PATH} characters, or its query more than {MOST_QUERY}.")
    if not all(_SEGMENT.fullmatch(one) and one.strip(".") for one in segments):
        raise Malformed(
            "A part of this path is empty, is `.` or `..`, or has other characters than letters, digits and _ . : @ = + , ~ -"
        )
    kept = [one for one in query.split("&") if one and unquote(one.partition("=")[0]) != KEY_QUERY]
    return Passage(method=method, word=segments[0], path=path, query="&".join(kept), content_type=content_type)


def path_error(status: int, headers: Headers, body: bytes, wall: float) -> CallError:
    """What a vendor's error means. That something is not there, or not in a state for this, is the caller's matter here: for a model it
    would be ours."""
    error = vendor_error(status, headers, body, wall)
    return Rejected(error.message, said=error.said) if status in OF_THE_CALLER else error
