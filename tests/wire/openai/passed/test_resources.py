"""The ids in what passes through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.errors import Garbled, Malformed, TooLarge
from headworks.core.passage import OwnedId, Passage
from headworks.wire.openai.passed import resources
from headworks.wire.openai.passed.resources import Listed, after, below, id_in, made, outputs, references

JSON = Passage(method="POST", word="batches", path="/batches", content_type="application/json")


def encoded(content: Any) -> bytes:
    return json.dumps(content).encode()


def test_the_first_part_behind_the_word_is_an_id_but_for_the_names_of_parts() -> None:
    assert [
        id_in(path) for path in ("/files", "/files/f", "/files/f/content", "/threads/runs", "/fine_tuning/jobs/j")
    ] == [
        *("", "f", "f", "", "j"),
    ]
    assert list(below("/vector_stores/vs/files/f", "vs")) == ["files", "f"]
    assert list(below("/files", "")) == []


def test_a_body_names_ids_in_known_members_at_any_depth() -> None:
    body = {
        "input_file_id": "f1",
        "tools": [{"file_ids": ["f2", 3, "f1"]}, [{"vector_store_ids": ["v1"]}]],
        "metadata": {"file_id": "the caller's own"},
        "thread_id": None,
    }
    assert sorted(references(JSON, encoded(body))) == ["f1", "f2", "v1"]
    assert references(JSON, b"") == []


def test_too_many_ids_are_refused() -> None:
    assert len(references(JSON, encoded({"file_ids": [str(one) for one in range(2000)]}))) == 2000
    with pytest.raises(Malformed, match="2001"):
        references(JSON, encoded({"file_ids": [str(one) for one in range(2001)]}))


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a":{"b":1,"b":2}}', b"\xff", b"{}".decode().encode("utf-16"), b"[" * 200_000, b'{"a":' * 200_000],
)
def test_a_body_that_is_not_read_for_certain_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        references(JSON, body)


@pytest.mark.parametrize("id", ["\ud83d", "a\x00b", "é", "a" * 257])
def test_a_text_that_is_no_id_is_refused_and_never_noted(id: str) -> None:
    with pytest.raises(Malformed):
        references(JSON, encoded({"file_id": id}))
    assert made(encoded({"id": id, "output_file_id": id, "error_file_id": id}), "web") == []
    try:
        assert Listed(encoded({"data": [{"id": id}]})).ids == []
    except Garbled:
        assert id == "\ud83d"


def test_numbers_of_any_length_are_no_trouble() -> None:
    assert references(JSON, b'{"a":' + b"9" * 100_000 + b',"file_id":"f"}') == ["f"]


def test_a_form_names_ids_too() -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file_id"\r\n\r\nf1\r\n--x--\r\n'
    as_form = Passage(method="POST", word="files", path="/files", content_type="Multipart/form-data; boundary=x")
    assert references(as_form, form) == ["f1"]
    with pytest.raises(Malformed):
        references(as_form, b"\r\n" + form)


def test_an_answer_makes_its_own_id_and_those_of_what_came_with_it() -> None:
    run = {"id": "run", "thread_id": "thread", "file": {"id": "f"}}
    assert made(encoded(run), "web") == [OwnedId(one, "web") for one in ("run", "thread", "f")]
    assert made(encoded({"id": 3, "file": 4, "thread_id": ""}), "web") == []
    assert made(b"[]", "web") == []
    assert outputs(b"x", "web") == []


def test_the_output_of_a_batch_is_told_from_other_files() -> None:
    batch = {"id": "b", "object": "batch", "output_file_id": "out", "error_file_id": "err"}
    assert outputs(encoded(batch), "web") == [OwnedId("err", "web"), OwnedId("out", "web", "batch_output")]
    other = {"object": "eval", "output_file_id": "out", "error_file_id": None, "result_files": ["r", 1]}
    assert outputs(encoded(other), "web") == [OwnedId("r", "web"), OwnedId("out", "web")]


def test_a_list_keeps_its_other_members_and_the_bytes_of_its_items() -> None:
    listed = Listed(
        b'{"object":"list","data":[{"id":"a","n":1.50},{"id":"b"},{"id":[]},7],"has_more":true,"x":[1 , 2]}'
    )
    assert (listed.ids, listed.has_more) == (["a", "b"], True)
    assert listed.of({"a"}) == b'{"object":"list","data":[{"id":"a","n":1.50}],"has_more":true,"x":[1 , 2]}'
    assert json.loads(Listed(b'{"data":[],"first_id":"a","last_id":"b"}').of([])) == {
        "data": [],
        "first_id": None,
        "last_id": None,
    }
    assert not Listed(b'{"data":[],"has_more":true}').has_more


def test_only_the_batches_that_are_named_tell_their_files() -> None:
    batch = {"id": "b", "object": "batch", "output_file_id": "out"}
    listed = Listed(encoded({"data": [batch, {**batch, "id": "c", "output_file_id": "other"}, 1]}))
    assert listed.outputs(["b"]) == [OwnedId("out", "", "batch_output")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data":{}}', b'{"data":[],"has_more":}', b"[" * 100_000])
def test_what_is_no_list_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        Listed(body)


def test_bodies_and_lists_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST_JSON", 20)
    assert references(JSON, b'{"file_id":"f"}     ') == ["f"]
    with pytest.raises(TooLarge, match="at most 20"):
        references(JSON, b'{"file_id":"f"}      ')
    monkeypatch.setattr(resources, "MOST_LIST", 11)
    assert Listed(b'{"data":[]}').ids == []
    with pytest.raises(Garbled, match="at most 11"):
        Listed(b'{"data":[]} ')


def test_the_next_page_is_asked_for_behind_the_last_item() -> None:
    assert after("limit=2&after=x&%61fter=y&order=asc", "a/b") == "limit=2&order=asc&after=a%2Fb"
    assert after("", "a") == "after=a"


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_but_our_errors(data: bytes) -> None:
    made(data, "web")
    for read in (lambda: references(JSON, data), lambda: Listed(data)):
        try:
            read()
        except (Malformed, Garbled):
            pass
