"""`server.keepalive`: what may be written, and which files keep their digest."""

from __future__ import annotations

from tests.system.files import right, wrong

FILE = "providers: {v: {dialect: simulated}}\nmodels: {a: v/x}\n"

BEFORE = "b34e21d05ffa07d5a02667d58483728b"
"""The digest of `FILE` by a version that did not know the key."""


def test_less_than_a_second_is_an_error_with_a_remedy() -> None:
    (problem,) = wrong(FILE + "server: {keepalive: 500ms}\n")
    assert "server.keepalive" in problem
    assert "1s or more" in problem


def test_a_file_with_it_has_another_digest_and_one_without_it_keeps_that_of_before() -> None:
    assert right(FILE).digest == BEFORE
    assert right(FILE + "server: {keepalive: 15s}\n").digest != BEFORE
