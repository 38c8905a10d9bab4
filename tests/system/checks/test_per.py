"""Limits of users and sessions in a system file."""

from __future__ import annotations

from pathlib import Path

from headworks.core.per import Per, SessionBudget, SessionLimits, UserBudget, UserLimits
from headworks.system.load import read

FILE = """
providers: {sim: {dialect: simulated}}
models: {assistant: {targets: sim/m, price: {input: $1/M, output: $2/M}}}
keys: {web: {key: secret-web-secret-web, %s}}
"""
PER = "per: {user: {budget: {amount: $1, every: 1d}}, session: {budget: $5, calls: 500}}"


def test_the_limits_of_users_and_sessions_load_as_they_are_written() -> None:
    found = read((FILE % PER).encode(), file="x", folder=Path(), env={}).system
    per = Per(
        user=UserLimits(budget=UserBudget(amount=1_000_000_000, every="1d")),
        session=SessionLimits(budget=SessionBudget(amount=5_000_000_000), calls=500),
    )
    assert found.keys["web"].per == per
    assert found.keys["web"].allowance.per == per


def test_a_group_has_them_too_and_all_limits_of_a_key_are_among_them() -> None:
    limits = "rpm: 5, tpm: 1k, concurrency: 2, budget: {amount: $1, every: 1h, estimate: chars}"
    text = (
        FILE % "tags: a"
        + f"groups: {{g: {{keys: web, per: {{user: {{{limits}}}, session: {{{limits}, forget: 1d}}}}}}}}"
    )
    per = read(text.encode(), file="x", folder=Path(), env={}).system.groups["g"].allowance.per
    assert per is not None
    assert per.user == UserLimits(
        rpm=5, tpm=1000, concurrency=2, budget=UserBudget(amount=10**9, every="1h", estimate="chars")
    )
    assert per.session is not None
    assert (per.session.forget, per.session.rpm, per.session.calls) == (86400.0, 5, None)


def test_a_file_without_them_has_the_digest_that_it_had_and_with_them_another() -> None:
    without = read((FILE % "rpm: 5").encode(), file="x", folder=Path(), env={}).system
    assert without.digest == "38e7d02e0365866370b03075d4247d92"  # as before there were any
    assert read((FILE % f"rpm: 5, {PER}").encode(), file="x", folder=Path(), env={}).system.digest != without.digest


def test_who_has_a_budget_for_each_user_is_warned_of_aliases_without_a_bound_on_answers() -> None:
    found = read((FILE % PER).encode(), file="x", folder=Path(), env={})
    assert [one.path for one in found.warnings if "max_tokens" in one.problem] == ["models.assistant"]
    calls = read((FILE % "per: {session: {calls: 5}}").encode(), file="x", folder=Path(), env={})
    assert [one.path for one in calls.warnings if "max_tokens" in one.problem] == []
