"""What a run of all clients came to: kept as JSON beside this file, and shown by `docs/clients.md`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from tools.clients.client import Client
from tools.clients.install import version
from tools.clients.pairs import DIRECT
from tools.clients.scenarios import FAULTS, ROUNDS, Result

FILE: Final = Path(__file__).with_name("outcome.json")


class Failure(msgspec.Struct, frozen=True):
    """A run that did not pass. form: streamed or whole."""

    scenario: str
    form: str
    why: str


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One client before one vendor. got: by fault, what the caller got while streaming. calls, asked: by scenario, calls at the
    vendor and calls at the gateway. signed, returned: reasoning of the longest round that the vendor signed, and that came back."""

    client: str
    vendor: str
    runs: int
    failures: list[Failure]
    got: dict[str, str]
    calls: dict[str, int]
    asked: dict[str, int]
    signed: int
    returned: int
    seconds: float

    @property
    def passed(self) -> int:
        return self.runs - len(self.failures)


class Row(msgspec.Struct, frozen=True):
    """A client, as it was tried."""

    name: str
    title: str
    dialect: str
    column: str
    version: str
    is_agent: bool


class Long(msgspec.Struct, frozen=True, kw_only=True):
    """200 turns of an agent with ten faults in them. paid: turns that were paid for once. problems: what was lost."""

    title: str
    vendor: str
    turns: int
    asked: int
    calls: int
    faults: int
    paid: int
    signed: int
    returned: int
    problems: list[str]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """date: the day. minutes: how long it took. judged: answers of our vendor that the SDKs' own types took."""

    date: str
    minutes: int
    judged: int
    is_isolated: bool
    rows: list[Row]
    cells: list[Cell]
    long: list[Long] = []

    def cell(self, client: str, vendor: str) -> Cell:
        return next(one for one in self.cells if (one.client, one.vendor) == (client, vendor))


def row(client: Client) -> Row:
    number = version(client.column, client.package)
    return Row(client.name, client.title, client.dialect, client.column, number, client.is_agent)


def cell(client: Client, vendor: str, results: Sequence[Result]) -> Cell:
    """What all runs of a pair came to. Without a gateway nothing is judged: it is what the client does by itself."""
    known = {one.name for one in (*ROUNDS, *FAULTS)}
    judged = [one for one in results if one.scenario in known]
    streamed = [one for one in results if one.is_streamed]
    longest = max(streamed, key=lambda one: one.signed, default=None)
    return Cell(
        client=client.name,
        vendor=vendor,
        runs=len(judged),
        failures=[
            Failure(one.scenario, "streamed" if one.is_streamed else "whole", one.why) for one in judged if one.why
        ],
        got={one.scenario: one.got for one in streamed},
        calls={one.scenario: one.calls for one in streamed} if vendor in (DIRECT, client.dialect) else {},
        asked={one.scenario: one.asked for one in streamed} if vendor in (DIRECT, client.dialect) else {},
        signed=longest.signed if longest else 0,
        returned=longest.returned if longest else 0,
        seconds=round(sum(one.seconds for one in results), 1),
    )


def merged(old: Outcome, new: Outcome, order: Sequence[str]) -> Outcome:
    """The old outcome with the rows that were tried anew. order: the names of all clients."""
    again = {one.name: one for one in new.rows}
    cells = [one for one in old.cells if one.client not in again] + new.cells
    known = {one.name: one for one in old.rows} | again
    return msgspec.structs.replace(
        new,
        rows=[known[name] for name in order if name in known],
        cells=cells,
        minutes=old.minutes,
        long=old.long,
        is_isolated=old.is_isolated and new.is_isolated,
    )


def excused(failure: Failure, cell: Cell, direct: Cell) -> bool:
    """The client does the same to a vendor of its own API, without us: the one excuse for a run that did not pass."""
    name = failure.scenario
    same = cell.got.get(name) == direct.got.get(name)
    return same and any(one.scenario == name for one in direct.failures)


def load() -> Outcome:
    return msgspec.json.decode(FILE.read_bytes(), type=Outcome)


def save(outcome: Outcome) -> None:
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1) + b"\n")
