"""Which paths pass, as whom, and what a vendor's errors mean."""

from __future__ import annotations

import pytest

from headworks.core.errors import Denied, Failed, Malformed, Rejected
from headworks.core.passage import Passage
from headworks.wire.openai.passed.path_caller import PathCaller, passage_of, path_error


def test_a_passage_has_the_path_as_it_came_and_the_query_without_a_key() -> None:
    found = passage_of("GET", "/files/file-1/content", "a=1&key=secret&k%65y=secret&&b=%2F", "")
    assert found == Passage(method="GET", word="files", path="/files/file-1/content", query="a=1&b=%2F")
    assert (found.is_free, passage_of("POST", "/files", "", "x").is_free) == (True, False)


@pytest.mark.parametrize(
    "path",
    [
        *("/files/", "/files//a", "/files/.", "/files/..", "/files/...", "/files/a/../b", "/files/%2e", "/files/a b"),
        *("/files/a\\b", "/files/a;b", "/files/a#b", "/files/é", "/files/" + "a" * 257, "/files" + "/a" * 1000),
    ],
)
def test_a_path_that_could_be_read_as_another_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        passage_of("GET", path, "", "")


def test_a_query_has_a_bound() -> None:
    with pytest.raises(Malformed, match="4000"):
        passage_of("GET", "/files", "a" * 4001, "")


def test_a_caller_names_no_model_and_no_bound() -> None:
    caller = PathCaller("batches")
    assert caller.read(b"{").model == "passthrough/batches"
    assert caller.weigh(b"").unbounded == "batches"
    assert caller.question(b"{}") is None
    assert not caller.is_ordinary(b"{}", [])
    assert caller.event(Failed("")) == b""


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (401, Denied), (403, Denied), (404, Rejected), (409, Rejected), (500, Failed)]
)
def test_that_something_is_not_there_is_for_the_caller_and_a_refused_key_is_not(status: int, kind: type) -> None:
    error = path_error(status, [], b'{"error":{"message":"No such File object: f"}}', 0.0)
    assert type(error) is kind
    assert error.shown_status == (502 if kind is Denied else status)
