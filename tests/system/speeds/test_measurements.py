"""The file of what was measured: beside the ledger, for its owner, and only of targets as they are reached today."""

from __future__ import annotations

from pathlib import Path

import pytest

from headworks.core.errors import ConfigError
from headworks.system.schema.system import System
from headworks.system.speeds.measurements import (
    Estimate,
    Measurement,
    Measurements,
    Spread,
    asked_of,
    keep_measurements,
    measurements_path,
    read_measurements,
    usable,
)
from tests.system.files import right

FILE = """
providers:
  v: {dialect: openai, base_url: "https://v/v1", api_key: "${env:KEY}"}
  s: {dialect: simulated, first_token: {p50: 100ms, p99: 200ms}}
models: {m: {targets: [v/x, s]}}
"""


def system(text: str = FILE) -> System:
    return right(text, {"KEY": "secret-0123456789abcdef"})


def measured(of: System, name: str, *, is_enough: bool = True) -> Measurement:
    [target] = [one for tier in of.models["m"].targets for one in tier if str(one) == name]
    one = Estimate(value=0.1, low=0.08, high=0.12)
    spread = Spread(median=one, sigma=one) if is_enough else None
    return Measurement(
        asked=asked_of(of, target), at=1.8e9, place="lab", calls=20, answered=20, first_token=spread, per_token=spread
    )


def test_it_is_beside_the_ledger() -> None:
    assert measurements_path(system(), Path("/f")) == Path("/f/.headworks/probe.json")
    other = FILE + "log: {store: 'sqlite:////var/lib/h/calls.db'}\n"
    assert measurements_path(system(other), Path("/f")) == Path("/var/lib/h/probe.json")
    shared = FILE + 'log: {store: "postgresql://h@db/calls", journal: "/var/lib/h/journal"}\n'
    assert measurements_path(system(shared), Path("/f")) == Path("/var/lib/h/probe.json")


def test_what_is_kept_comes_back_beside_what_was_there_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path, whole = tmp_path / "private" / "probe.json", system()
    first, second = measured(whole, "v/x"), measured(whole, "s/simulated")
    keep_measurements(path, {"v/x": first})
    keep_measurements(path, {"s/simulated": second})
    assert read_measurements(path).targets == {"v/x": first, "s/simulated": second}
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "secret" not in path.read_text()


def test_without_a_file_nothing_was_measured(tmp_path: Path) -> None:
    assert read_measurements(tmp_path / "probe.json") == Measurements()


@pytest.mark.parametrize("content", [b"{", b'{"version": 2}', b'{"targets": {"v/x": {}}}', b"[" * 100_000])
def test_a_file_that_is_something_else_is_said_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "probe.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"probe\.json.*cannot be read(.|\n)*run `headworks probe` again"):
        read_measurements(tmp_path / "probe.json")


@pytest.mark.parametrize(
    ("was", "now", "is_used"),
    [
        ("", "", True),
        ('base_url: "https://v/v1"', 'base_url: "https://w/v1"', False),
        ("v/x", "v/y", False),
        ('api_key: "${env:KEY}"', "rpm: 60", True),  # as fast as before
    ],
)
def test_a_measurement_is_of_a_target_as_it_was_reached(was: str, now: str, is_used: bool) -> None:
    before = system()
    known = Measurements(targets={"v/x": measured(before, "v/x")})
    assert ("v/x" in usable(system(FILE.replace(was, now)), known)) is is_used


def test_another_speed_of_a_simulated_vendor_is_another_target() -> None:
    known = Measurements(targets={"s/simulated": measured(system(), "s/simulated")})
    assert usable(system(), known)
    assert not usable(system(FILE.replace("100ms", "101ms")), known)


def test_too_few_answers_are_no_measurement() -> None:
    assert not usable(system(), Measurements(targets={"v/x": measured(system(), "v/x", is_enough=False)}))
