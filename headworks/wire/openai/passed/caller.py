"""Callers of APIs that pass through: their bytes are the vendor's, but for the model's name.

Always true: only a vendor of the same API is asked; there is no hub for pictures and sound, and nothing is kept or shared.
"""

from __future__ import annotations

from typing import Final

from headworks.core.dialect import Asked, Headers, Operation, Weight
from headworks.core.errors import CallError, Malformed
from headworks.wire.json_body import read_flag, read_model
from headworks.wire.members import members
from headworks.wire.openai.body import read_user
from headworks.wire.openai.caller import OWN_HEADERS
from headworks.wire.openai.errors import problem, status
from headworks.wire.openai.passed import multipart
from headworks.wire.whole_forms import WholeForms

FIELDS: Final = frozenset({"model", "user", "stream"})


class PassedCaller:
    """Callers of one path. speaks: the answer is sound, which is played while it comes."""

    id_header: Final = b""
    keepalive: Final = b""
    bound_name: Final = ""
    own_headers: Final = OWN_HEADERS
    forms: Final = WholeForms()
    splice: Final = None
    turns: Final = None
    status = staticmethod(status)
    problem = staticmethod(problem)

    def __init__(self, path: str, operation: Operation, *, speaks: bool = False) -> None:
        self.name = f"openai{path.replace('/', '.')}"
        self.path = path
        self.operation = operation
        self.speaks = speaks

    def read(self, body: bytes, path: str = "", /) -> Asked:
        if multipart.is_multipart(body):
            return self._read_parts(body)
        found = members(body)
        model = read_model(found)
        return Asked(model=model, streamed=self.speaks or read_flag(found, "stream"), user=read_user(found))

    def _read_parts(self, body: bytes) -> Asked:
        places = multipart.fields(body, FIELDS)
        said = {name: multipart.text(body, place, name) for name, place in places.items()}
        if not said.get("model"):
            raise Malformed("`model` is missing: name one of the models that this gateway serves.", param="model")
        return Asked(model=said["model"], streamed=said.get("stream") == "true", user=said.get("user"))

    def question(self, body: bytes, /) -> bytes | None:
        return None

    def weigh(self, body: bytes, /) -> Weight:
        return Weight(unbounded=self.path.rpartition("/v1")[2].lstrip("/"))

    def is_ordinary(self, body: bytes, headers: Headers, /) -> bool:
        return False

    def event(self, error: CallError, /) -> bytes:
        """Nothing can be said in the middle of a picture or a sound: the connection is cut, so that it looks like a cut."""
        return b""


PASSED: Final = (
    PassedCaller("/images/generations", "images"),
    PassedCaller("/images/edits", "images"),
    PassedCaller("/images/variations", "images"),
    PassedCaller("/audio/speech", "audio", speaks=True),
    PassedCaller("/audio/transcriptions", "audio"),
    PassedCaller("/audio/translations", "audio"),
    PassedCaller("/moderations", "moderations"),
    PassedCaller("/rerank", "rerank"),
)
"""The paths below `/v1`."""
