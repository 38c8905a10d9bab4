"""`headworks record`: asks one target a few calls through its own provider, and keeps what was sent and what came back.

The calls are ours and say nothing of anybody. What goes into a capture is filled first (`wire/filler.py`), masked before that, and
read by the vendor's side before and after: a capture that would be read differently from the answer is not given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from headworks import __version__
from headworks.core.call import Call
from headworks.core.clock import now, wall
from headworks.core.dialect import Dialect
from headworks.core.errors import CallError
from headworks.core.money import Price
from headworks.core.reply import Usage
from headworks.gateway.leaves import Leaves
from headworks.gateway.prices import Prices
from headworks.http.recording_client import RecordingClient, Taken
from headworks.providers.remote import Remote
from headworks.system.schema.system import Model, OpenAI, System, TargetOf
from headworks.system.verdicts.constraints import permitted
from headworks.wire.capture import BINARY, Asked, Capture, answered, read
from headworks.wire.capture_questions import Question, questions
from headworks.wire.filler import Filler
from headworks.wire.sides import VendorSide
from headworks.wire.translated import Translated, between

PATIENCE: Final = 120.0
"""Seconds that a call may take."""

MOST_OUTPUT: Final = 400
"""Tokens of one answer at most: a model that thinks first needs some for that."""

PROMPT: Final = 120
"""Tokens of the longest question, tool and all, about."""

NO_MODEL: Final = "no-such-model"

_TELLING: Final = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "x-amzn-errortype")
_LIMITS: Final = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-", "x-ms-")
MOST_HEADER: Final = 100


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one call. why: in words, where there is no capture."""

    name: str
    status: int = 0
    capture: Capture | None = None
    why: str = ""


class Recorder:
    """One target of a system, asked directly. Enter it to connect. Raises KeyError where there is no such target, TypeError where
    it is not asked over HTTP."""

    def __init__(self, system: System, folder: Path, name: str) -> None:
        system = permitted(system)  # what the constraints forbid is asked by nobody
        self.model, self.target = target_named(system, name)
        provider = system.providers[self.target.provider]
        if not isinstance(provider, OpenAI):
            raise TypeError(name)
        self.vendor = str(provider.__struct_config__.tag)
        self.prices = Prices(system)
        only = msgspec.structs.replace(system, providers={self.target.provider: provider})
        self.leaves = Leaves(only, folder, seed=0, clients=RecordingClient)
        leaf = self.leaves.leaf(self.target.provider, self.target.model)
        assert isinstance(leaf, Remote)
        self.questions = questions(leaf.dialect)

    async def __aenter__(self) -> Recorder:
        await self.leaves.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leaves.close()

    @property
    def cost(self) -> int | None:
        """Nano-dollars that all calls cost at most; None where the price is unknown. A refused one costs nothing."""
        price: Price | None = self.prices.of(self.model, self.target)
        paid = sum(not one.is_refused for one in self.questions)
        one = None if price is None else price.cost(Usage(input=PROMPT, output=MOST_OUTPUT))
        return None if one is None else paid * one

    async def ask(self, question: Question, filler: Filler) -> Result:
        """Makes one call."""
        leaf = self.leaves.leaf(self.target.provider, NO_MODEL if question.is_refused else self.target.model)
        assert isinstance(leaf, Remote)
        at = now()
        call = Call(
            id=f"record-{question.name}",
            alias="x",
            body=question.body,
            dialect=question.dialect,
            streamed=question.streamed,
            include_usage=False,
            bound=MOST_OUTPUT,
            arrived_at=at,
            deadline_at=at + PATIENCE,
        )
        why = ""
        client = self.leaves.clients[self.target.provider]
        assert isinstance(client, RecordingClient)
        client.taken.clear()
        try:
            async with leaf.open(call) as reply:
                while (chunks := await reply.read()) and not chunks[-1].last:
                    pass
        except CallError as error:
            why = str(error)
        if not client.taken:
            return Result(name=question.name, why=why or "nothing was sent")
        return self._result(question, leaf, client.taken[-1], why, filler)

    def _result(self, question: Question, leaf: Remote, taken: Taken, why: str, filler: Filler) -> Result:
        api, side = side_of(question.dialect, leaf)
        if not taken.status or taken.is_cut:
            return Result(name=question.name, status=taken.status, why=why or "the answer was too long to be kept")
        if (taken.status >= 300) != question.is_refused:
            return Result(name=question.name, status=taken.status, why=why or "an error was expected, and it answered")
        data = leaf.mask.masked(taken.answer)
        headers = told(leaf.mask.headers(taken.headers))
        kind = headers.get("content-type", "").encode()
        is_stream = question.streamed and taken.status < 300
        fill = (filler.frames if kind.startswith(BINARY) else filler.stream) if is_stream else filler.body
        filled = answered(taken.status, headers, fill(data))
        if read(side, is_stream, taken.body, answered(taken.status, headers, data)) != read(
            side, is_stream, taken.body, filled
        ):
            return Result(name=question.name, status=taken.status, why="with filler it would be read differently")
        path = side.path(NO_MODEL if question.is_refused else self.target.model, streamed=question.streamed)
        capture = Capture(
            vendor=self.vendor,
            api=api,
            call=question.name,
            streamed=question.streamed,
            taken=datetime.fromtimestamp(wall(), UTC).date().isoformat(),
            by=f"headworks {__version__}",
            request=Asked(path=path.decode("ascii"), body=filler.body(leaf.mask.masked(taken.body)).decode()),
            response=filled,
        )
        return Result(name=question.name, status=taken.status, capture=capture)


def target_named(system: System, name: str) -> tuple[Model, TargetOf]:
    """A target by `provider/model`, or the first one of an alias. Raises KeyError."""
    if name in system.models:
        model = system.models[name]
        return model, model.targets[0][0]
    for model, target in all_targets(system):
        if str(target) == name:
            return model, target
    raise KeyError(name)


def all_targets(system: System) -> Iterator[tuple[Model, TargetOf]]:
    for model in system.models.values():
        for tier in model.targets:
            for target in tier:
                yield model, target


def side_of(dialect: Dialect, leaf: Remote) -> tuple[str, VendorSide]:
    """The vendor's own side that answers these callers, and its name."""
    side = between(dialect, leaf.dialect)
    own = side.vendor if isinstance(side, Translated) else side
    return next((name, one) for name, one in leaf.dialect.items() if one is own)


def told(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that say what an answer is, when to ask again, and what a limit has left: none that names anybody."""
    said = {name.decode("latin-1"): value.decode("latin-1")[:MOST_HEADER] for name, value in headers}
    return {name: value for name, value in said.items() if name in _TELLING or name.startswith(_LIMITS)}
