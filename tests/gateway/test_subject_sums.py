"""What users and sessions have spent outlives the gateway."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.errors import InsufficientQuota
from headworks.core.key import UNLIMITED, Allowance
from headworks.core.per import Per, SessionBudget, SessionLimits, UserBudget, UserLimits
from headworks.core.record import Opened
from headworks.core.session import Session
from headworks.gateway.subject_sums import parts_in
from headworks.ledger.journal import Journal
from headworks.system.load import read
from headworks.testing import ask
from tests.gateway.test_access import by, gateway, make, until

SYSTEM = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 0.1ms, p99: 0.2ms}}}
models: {assistant: {targets: sim/m, price: {input: $1/M, output: $1000/M}, max_output: 10}}
keys: {web: {key: secret-web-secret-web, per: PER}, app: {key: secret-app-secret-app}}
log: {journal: journal, store: "sqlite:///ledger.db"}
"""
WEB, APP = "secret-web-secret-web", "secret-app-secret-app"


def call(number: int, *, secret: str = WEB, user: str | None = None, session: str | None = None) -> Call:
    named = None if session is None else Session(session)
    return msgspec.structs.replace(by(secret, number), user=user, session=named)


def lives(folder: Path, text: str, *calls: list[Call]) -> list[int]:
    """Each list of calls in a gateway of its own, over one ledger: how many of them each one let in."""

    async def life(asked: list[Call]) -> int:
        one = gateway(folder, text)
        await one.start()
        let_in = 0
        try:
            for each in asked:
                try:
                    await ask(one.front, each)
                    let_in += 1
                except InsufficientQuota:
                    pass
        finally:
            await one.stop()
        return let_in

    return [asyncio.run(life(asked)) for asked in calls]


@pytest.mark.parametrize(
    ("per", "of"),
    [
        ("{session: {calls: 2}}", {"session": "s"}),
        ("{session: {calls: 2}}", {}),
        ("{session: {budget: $0.025}}", {"session": "s"}),
        ("{user: {budget: {amount: $0.025, every: 30d}}}", {"user": "ada"}),
        ("{user: {budget: {amount: $0.025, every: 30d}}}", {}),
    ],
)
def test_a_gateway_that_starts_knows_what_users_and_sessions_have_spent(
    tmp_path: Path, per: str, of: dict[str, str]
) -> None:
    def some(*numbers: int) -> list[Call]:
        return [call(number, **of) for number in numbers]

    others = [call(9, user="other", session="other")]
    assert lives(tmp_path, SYSTEM.replace("PER", per), some(1), some(2, 3, 4), some(5), others) == [1, 1, 0, 1]


def test_a_group_counts_its_users_over_all_of_its_keys_and_a_restart(tmp_path: Path) -> None:
    text = SYSTEM.replace(", per: PER", "") + "groups: {all: {keys: [web, app], per: {session: {calls: 2}}}}"
    make(tmp_path, "made", "hw_made", group="all")
    first, second = [call(1, session="s")], [call(2, secret="hw_made", session="s")]
    assert lives(tmp_path, text, first, second, [call(3, secret=APP, session="s"), call(4, session="t")]) == [1, 1, 1]


def test_what_a_killed_gateway_had_reserved_is_spent_of_its_session_and_user(tmp_path: Path) -> None:
    """It died between the opening of a call and its record."""
    written = Journal(tmp_path / "journal", started_at=time.time() - 5, sync=1.0)
    lost = Opened(
        opened=f"req_{7:032x}",
        at=time.time() - 4,
        operation="chat",
        model="assistant",
        key="web",
        config="c",
        reserved_nano=24_000_000,
        user="ada",
        session="s",
    )
    assert written.open(lost)
    written.close()
    per = "{session: {budget: $0.025}, user: {budget: {amount: $0.025, every: 30d}}}"
    calls = [call(1, user="ada", session="t"), call(2, user="bob", session="s"), call(3, user="bob", session="t")]
    assert lives(tmp_path, SYSTEM.replace("PER", per), *[[one] for one in calls]) == [0, 0, 1]


def test_a_reload_that_limits_sessions_counts_what_they_have_done(tmp_path: Path) -> None:
    async def run() -> None:
        one = gateway(tmp_path, SYSTEM.replace(", per: PER", ""))
        await one.start()
        try:
            await ask(one.front, call(1, session="s"))
            text = SYSTEM.replace("PER", "{session: {calls: 1}}")
            await one.reload(read(text.encode(), file="x", folder=tmp_path, env={}).system)
            with pytest.raises(InsufficientQuota, match="1 calls in all"):
                await ask(one.front, call(2, session="s"))
            await ask(one.front, call(3, session="t"))
        finally:
            await one.stop()

    asyncio.run(run())


def test_limits_that_are_given_to_a_key_at_run_time_count_what_was_spent(tmp_path: Path) -> None:
    async def run() -> None:
        make(tmp_path, "nightly", "hw_new")
        one = gateway(tmp_path, SYSTEM.replace(", per: PER", ""))
        await one.start()
        try:
            await ask(one.front, call(1, secret="hw_new", session="s"))
            make(tmp_path, "nightly", "hw_new", allowance=Allowance(per=Per(session=SessionLimits(calls=1))))

            async def is_refused() -> bool:
                try:
                    await ask(one.front, call(77, secret="hw_new", session="s"))
                except InsufficientQuota:
                    return True
                return False

            await until(is_refused)
            await ask(one.front, call(3, secret="hw_new", session="t"))
        finally:
            await one.stop()

    asyncio.run(run())


def test_what_is_summed_are_budgets_and_calls_and_no_rates() -> None:
    session = SessionLimits(rpm=5, calls=3, budget=SessionBudget(amount=5))
    per = Per(user=UserLimits(rpm=1, budget=UserBudget(amount=5, every="1d")), session=session)
    assert sorted(parts_in([("key/web", Allowance(per=per)), ("key/app", UNLIMITED)])) == [
        ("calls/session/key/web", "total"),
        ("session/key/web", "total"),
        ("user/key/web", "1d"),
    ]
    assert parts_in([("key/web", Allowance(per=Per(user=UserLimits(rpm=1))))]) == {}
