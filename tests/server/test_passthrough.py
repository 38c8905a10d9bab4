"""Paths that pass to a provider as they are: what is sent and answered, whose the ids are, limits, and what it costs."""

from __future__ import annotations

import asyncio
import json

import pytest

from headworks.core.passage import OwnedId
from headworks.testing import settle
from tests.stack.passing import JSON, KEYED, SYSTEM, MemoryIds, Passing, pass_through

FILE = {"id": "file-1", "object": "file"}
BATCH = {"id": "batch_1", "object": "batch", "input_file_id": "file-1"}
DONE = {**BATCH, "output_file_id": "file-out", "error_file_id": "file-err"}
FORM = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x--\r\n'
SAID = {
    ("POST", "/v1/files"): FILE,
    ("GET", "/v1/files/file-1"): FILE,
    ("GET", "/v1/files/file-1/content"): b"words",
    ("DELETE", "/v1/files/file-1"): {"id": "file-1", "deleted": True},
    ("POST", "/v1/batches"): BATCH,
    ("GET", "/v1/batches/batch_1"): DONE,
}


def line(model: str = "m-1", status: int = 200, **usage: int) -> bytes:
    body = {"model": model, "usage": usage or {"prompt_tokens": 10, "completion_tokens": 5}}
    return json.dumps({"custom_id": "1", "response": {"status_code": status, "body": body}}).encode() + b"\n"


def test_a_request_goes_to_the_provider_with_its_key_and_the_callers_query_form_and_headers() -> None:
    async def main(front: Passing) -> None:
        headers = {"content_type": "multipart/form-data; boundary=x", "openai_beta": "assistants=v2"}
        made = await front.ask("POST", "/files?a=1&key=web-secret-0123456789", FORM, **headers)
        assert (made.status, made.json) == (200, FILE)
        assert made.headers[b"content-type"] == JSON.encode()
        assert b"x-request-id" in made.headers
        content = await front.ask("GET", "/files/file-1/content")
        assert (content.body, content.headers[b"content-type"]) == (b"words", b"application/octet-stream")
        assert (await front.ask("DELETE", "/files/file-1")).json["deleted"]

    front = pass_through(main, SAID)
    upload, content, deletion = front.vendor.asked
    assert (upload.method, upload.target, upload.body) == ("POST", "/v1/files?a=1", FORM)
    assert upload.headers["authorization"] == "Bearer vendor-secret-0123456789"
    assert upload.headers["content-type"] == "multipart/form-data; boundary=x"
    assert upload.headers["openai-beta"] == "assistants=v2"
    assert "content-type" not in content.headers
    assert (deletion.method, deletion.target) == ("DELETE", "/v1/files/file-1")
    records = front.facing.journal.records
    assert [(one.operation, one.model, one.status, one.outcome, one.cost_nano) for one in records] == [
        ("passthrough", "passthrough/files", 200, "ok", None),
        ("passthrough", "passthrough/files", 200, "ok", 0),
        ("passthrough", "passthrough/files", 200, "ok", 0),
    ]
    assert [(one.attempts[0].target, one.attempts[0].outcome, one.attempts[0].vendor_status) for one in records] == [
        ("v", "ok", 200)
    ] * 3


def test_an_id_is_unknown_to_every_key_but_the_one_that_made_it_and_the_vendor_is_not_asked() -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("POST", "/files", FORM, content_type="multipart/form-data; boundary=x")).status == 200
        assert (await front.ask("POST", "/batches", {"input_file_id": "file-1"})).status == 200
        begun = len(front.vendor.asked)
        for method, path in [
            ("GET", "/files/file-1"),
            ("GET", "/files/file-1/content"),
            ("DELETE", "/files/file-1"),
            ("GET", "/batches/batch_1"),
            ("POST", "/batches/batch_1/cancel"),
            ("GET", "/files/file-never"),
        ]:
            refused = await front.ask(method, path, key="other")
            assert refused.status == 404
        assert refused.json["error"]["message"] == "No such File object: file-never"
        for body in ({"input_file_id": "file-1"}, {"a": [{"file_ids": ["file-1"]}]}):
            assert (await front.ask("POST", "/batches", body, key="other")).status == 404
        assert len(front.vendor.asked) == begun
        assert (await front.ask("GET", "/files/file-1")).json == FILE

    pass_through(main, SAID)


def test_what_a_batch_makes_is_its_keys_once_its_json_has_passed() -> None:
    async def main(front: Passing) -> None:
        await front.ask("POST", "/files", FORM, content_type="multipart/form-data; boundary=x")
        await front.ask("POST", "/batches", {"input_file_id": "file-1"})
        assert (await front.ask("GET", "/files/file-out/content")).status == 404
        await front.ask("GET", "/batches/batch_1")
        assert (await front.ask("GET", "/files/file-out/content")).body == b""
        assert (await front.ask("GET", "/files/file-err/content")).body == b"errors"
        assert (await front.ask("GET", "/files/file-out/content", key="other")).status == 404

    said = {("GET", "/v1/files/file-out/content"): b"", ("GET", "/v1/files/file-err/content"): b"errors"}
    pass_through(main, {**SAID, **said})


def test_a_list_has_the_callers_own_and_pages_without_any_are_passed_over() -> None:
    def page(first: int, *, more: bool) -> dict[str, object]:
        data = [{"id": f"file-{number}", "object": "file"} for number in (first, first + 1)]
        return {"object": "list", "data": data, "first_id": data[0]["id"], "last_id": data[1]["id"], "has_more": more}

    async def main(front: Passing) -> None:
        await front.ask("POST", "/files", FORM, content_type="multipart/form-data; boundary=x")
        mine = await front.ask("GET", "/files?limit=2&after=x")
        assert mine.json == {
            "object": "list",
            "data": [FILE],
            "first_id": "file-1",
            "last_id": "file-1",
            "has_more": True,
        }
        nobodys = await front.ask("GET", "/files?limit=2", key="other")
        assert (nobodys.json["data"], nobodys.json["has_more"]) == ([], False)

    said = {
        ("GET", "/v1/files?limit=2&after=x"): page(8, more=True),
        ("GET", "/v1/files?limit=2&after=file-9"): page(1, more=True),
        ("GET", "/v1/files?limit=2"): page(3, more=False),
    }
    front = pass_through(main, {**SAID, **said})
    [_, mine, _] = front.facing.journal.records
    assert [one.outcome for one in mine.attempts] == ["ok", "ok"]


def test_a_batch_in_a_list_makes_its_files_its_keys() -> None:
    async def main(front: Passing) -> None:
        await front.ask("POST", "/files", FORM, content_type="multipart/form-data; boundary=x")
        await front.ask("POST", "/batches", {"input_file_id": "file-1"})
        await front.ask("GET", "/batches", key="other")
        assert "file-out" not in front.ids.known
        await front.ask("GET", "/batches")
        assert front.ids.known["file-out"].key == "web"

    pass_through(main, {**SAID, ("GET", "/v1/batches"): {"object": "list", "data": [DONE, {"id": 3}, "x"]}})


@pytest.mark.parametrize("answer", [b"words", ["file-1"], {"files": []}, {"data": {}}])
def test_an_answer_that_is_no_list_is_not_shown_to_a_key(answer: object) -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("GET", "/files")).status == 502

    pass_through(main, {("GET", "/v1/files"): answer})


def test_without_keys_nothing_is_refused_or_filtered() -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("GET", "/files/file-1", key="")).json == FILE
        assert len((await front.ask("GET", "/batches", key="")).json["data"]) == 1
        assert (await front.ask("GET", "/files", key="")).body == b"words"
        assert (await front.ask("GET", "/files/file-out/content", key="")).status == 200

    said = {("GET", "/v1/batches"): {"data": [DONE]}, ("GET", "/v1/files"): b"words"}
    front = pass_through(main, {**SAID, **said, ("GET", "/v1/files/file-out/content"): line()}, SYSTEM)
    tokens = front.facing.journal.records[-1].tokens
    assert tokens is not None
    assert (tokens.input, tokens.output) == (10, 5)


def test_the_results_of_a_batch_count_once() -> None:
    async def main(front: Passing) -> None:
        await front.ask("GET", "/batches/batch_1", key="")
        for _ in range(2):
            assert (await front.ask("GET", "/files/file-out/content", key="")).status == 200

    results = line() * 3 + line(status=500) + b'{"response":null,"error":{}}\n' + line()
    front = pass_through(main, {**SAID, ("GET", "/v1/files/file-out/content"): results}, SYSTEM)
    _, first, second = front.facing.journal.records
    assert first.tokens is not None
    assert (first.tokens.input, first.tokens.output, first.cost_nano) == (40, 20, None)  # this vendor has no price
    assert (second.tokens, second.cost_nano) == (None, 0)


def test_results_that_break_off_count_when_they_are_read_whole() -> None:
    async def main(front: Passing) -> None:
        await front.ask("GET", "/batches/batch_1", key="")
        front.vendor.cuts = 30
        cut = await front.ask("GET", "/files/file-out/content", key="")
        assert not cut.is_ended
        front.vendor.cuts = None
        await front.ask("GET", "/files/file-out/content", key="")

    front = pass_through(main, {**SAID, ("GET", "/v1/files/file-out/content"): line()}, SYSTEM)
    _, cut, whole = front.facing.journal.records
    assert (cut.outcome, cut.cost_nano, cut.tokens) == ("cut", 0, None)
    assert whole.tokens is not None


def test_a_key_with_a_budget_reads_and_deletes_and_a_key_with_models_uploads_too() -> None:
    async def main(front: Passing) -> None:
        form = {"content_type": "multipart/form-data; boundary=x"}
        refused = await front.ask("POST", "/files", FORM, key="poor", **form)
        assert (refused.status, "cannot be bounded" in refused.json["error"]["message"]) == (403, True)
        assert (await front.ask("GET", "/files", key="poor")).status == 200
        assert (await front.ask("POST", "/files", FORM, key="narrow", **form)).status == 200
        refused = await front.ask("POST", "/batches", {"input_file_id": "file-1"}, key="narrow")
        assert (refused.status, "`models`" in refused.json["error"]["message"]) == (403, True)
        assert (await front.ask("DELETE", "/files/file-1", key="narrow")).status == 200

    pass_through(main, {**SAID, ("GET", "/v1/files"): {"data": []}})


def test_a_keys_limits_hold() -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("GET", "/files", key="slow")).status == 200
        assert (await front.ask("GET", "/files", key="slow")).status == 429

    pass_through(main, {("GET", "/v1/files"): {"data": []}})


def test_the_tokens_of_a_batch_take_nothing_from_a_keys_rate() -> None:
    async def main(front: Passing) -> None:
        front.ids.known["file-out"] = OwnedId("file-out", "small", "batch_output")
        read = await front.ask("GET", "/files/file-out/content", key="small")
        assert read.status == 200
        again = await front.ask("GET", "/files/file-out/content", key="small")
        assert again.headers[b"x-ratelimit-remaining-tokens"] == b"100"

    front = pass_through(main, {("GET", "/v1/files/file-out/content"): line() * 1000})
    tokens = front.facing.journal.records[0].tokens
    assert tokens is not None
    assert tokens.input == 10_000


def test_an_error_and_an_answer_show_nothing_of_the_providers_key() -> None:
    async def main(front: Passing) -> None:
        made = await front.ask("POST", "/files", FORM, key="", content_type="multipart/form-data; boundary=x")
        assert made.json == {"id": "file-1", "said": "***"}
        assert (await front.ask("GET", "/files/file-1/content", key="")).body == b"a *** b"

    said = {
        ("POST", "/v1/files"): {"id": "file-1", "said": "vendor-secret-0123456789"},
        ("GET", "/v1/files/file-1/content"): b"a vendor-secret-0123456789 b",
    }
    pass_through(main, said, SYSTEM)


def test_azures_older_paths_and_the_query_of_a_base_url_come_first() -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("GET", "/files?limit=2", key="")).status == 200

    azure = SYSTEM.replace("dialect: openai", "dialect: azure").replace('/v1"', '?api-version=2024-10-21"')
    front = pass_through(main, {("GET", "/openai/files"): {"data": []}}, azure)
    [asked] = front.vendor.asked
    assert asked.target == "/openai/files?api-version=2024-10-21&limit=2"
    assert asked.headers["api-key"] == "vendor-secret-0123456789"
    assert "authorization" not in asked.headers


def test_a_vendor_that_is_not_there_is_a_failure() -> None:
    async def main(front: Passing) -> None:
        front.vendor.cuts = 0
        assert (await front.ask("GET", "/files")).status == 502
        front.vendor.hangs_up = True
        assert (await front.ask("POST", "/files", {})).status == 502

    front = pass_through(main, {("GET", "/v1/files"): {"data": []}})
    read, made = front.facing.journal.records
    assert (read.outcome, read.cost_nano, made.outcome, made.cost_nano) == ("failed", 0, "failed", None)


def test_strangers_wrong_methods_and_paths_that_are_not_named_are_refused() -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("GET", "/files", key="")).status == 401
        wrong = await front.ask("PATCH", "/files/file-1")
        assert (wrong.status, wrong.headers[b"allow"]) == (405, b"GET, POST, DELETE")
        unknown = await front.ask("POST", "/vector_stores", {})
        assert unknown.status == 404
        assert "`passthrough: {vector_stores: PROVIDER}`" in unknown.json["error"]["message"]
        for path in ("/files/../chat", "/files/%2e%2e/chat", "/files//x", "/files/", "/files/a%2fb", "/files/..;/x"):
            assert (await front.ask("GET", path)).status == 400
        assert front.vendor.asked == []

    pass_through(main, {})


@pytest.mark.parametrize(
    "body",
    [b'{"input_file_id":"file-2","input_file_id":"file-1"}', b"{", b"[" * 100_000, b'{"a":"\xff"}', b"a=1&b=2"],
)
def test_a_body_that_two_readers_may_read_in_two_ways_is_refused(body: bytes) -> None:
    async def main(front: Passing) -> None:
        assert (await front.ask("POST", "/batches", body)).status == 400
        assert front.vendor.asked == []

    pass_through(main, SAID)


def test_a_form_that_names_another_keys_file_is_refused() -> None:
    async def main(front: Passing) -> None:
        form = {"content_type": "multipart/form-data; boundary=x"}
        await front.ask("POST", "/files", FORM, **form)
        naming = FORM.replace(b"purpose", b"input_file_id").replace(b"batch", b"file-1")
        assert (await front.ask("POST", "/batches", naming, key="other", **form)).status == 404
        assert (await front.ask("POST", "/batches", b"x" + naming, **form)).status == 400

    pass_through(main, SAID)


def test_where_ids_cannot_be_looked_up_nothing_is_made() -> None:
    async def main(front: Passing) -> None:
        front.ids.is_away = True
        refused = await front.ask("POST", "/files", FORM, content_type="multipart/form-data; boundary=x")
        assert (refused.status, refused.json["error"]["code"]) == (503, "ids_unavailable")
        assert front.vendor.asked == []

    pass_through(main, SAID)


def test_a_vendors_error_is_told_and_nothing_is_tried_twice() -> None:
    async def main(front: Passing) -> None:
        missing = await front.ask("POST", "/batches", {})
        assert (missing.status, missing.json["error"]["message"]) == (404, "No such thing.")

    front = pass_through(main, {})
    assert len(front.vendor.asked) == 1
    [record] = front.facing.journal.records
    assert (record.status, record.outcome, record.attempts[0].vendor_status) == (404, "refused", 404)


def test_bodies_that_pass_are_on_no_record() -> None:
    async def main(front: Passing) -> None:
        await front.ask("POST", "/batches", {"words": "secret"}, key="")

    front = pass_through(main, SAID, SYSTEM + "log: {bodies: full}\n", MemoryIds())
    assert front.facing.journal.records[0].asked == ""


def test_a_provider_that_is_at_its_limit_is_waited_for() -> None:
    async def main(front: Passing) -> None:
        front.vendor.gate = asyncio.Event()
        both = [asyncio.create_task(front.ask("GET", "/files")) for _ in range(2)]
        while len(front.vendor.asked) < 1 or front.facing.world.assembled.front.in_flight < 2:
            await asyncio.sleep(0)
        await settle()
        assert len(front.vendor.asked) == 1
        front.vendor.gate.set()
        assert [one.status for one in await asyncio.gather(*both)] == [200, 200]

    text = KEYED.replace("api_key:", "concurrency: 1, rpm: 10, api_key:")
    pass_through(main, {("GET", "/v1/files"): {"data": []}}, text)


def test_a_word_that_a_reload_has_just_taken_out_is_unknown() -> None:
    async def main(front: Passing) -> None:
        front.facing.stack.passthrough = frozenset({"uploads"})
        assert (await front.ask("GET", "/uploads", key="")).status == 404

    pass_through(main, {}, SYSTEM)
