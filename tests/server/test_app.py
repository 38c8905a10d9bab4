"""The public port's application, in process: paths, browsers, refusals, answers, streams, errors after the head."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import msgspec
import pytest

from headworks.core.call import LARGE, Call
from headworks.core.clock import wall
from headworks.core.dialect import Asked, Dialect
from headworks.core.errors import Cut, Denied, Expired, Failed, Overloaded, Rejected, Throttled, VendorSaid
from headworks.core.key import Key
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.request_id import time_range
from headworks.core.service import Opening, Service
from headworks.core.session import SESSION_NAMES
from headworks.gateway.sessions import Sessions
from headworks.http.client import Client
from headworks.http.dial import Origin
from headworks.http.request_parser import Request
from headworks.layers.auth import Keyring
from headworks.ledger.journal import MemoryJournal
from headworks.providers.remote import Account, Remote
from headworks.providers.scripted import Scripted, Stream
from headworks.server.app import CALLERS, App
from headworks.server.exposed import spelled
from headworks.server.origins import Origins, is_loopback
from headworks.system.derived.same_as import SameAs
from headworks.testing import mock, settle, virtual
from headworks.wire.openai.dialect import OPENAI
from tests.stack.systems import World

OPEN = """
version: 1
providers: {vendor: {dialect: simulated}}
models:
  assistant: {targets: [vendor/m], retry: {attempts: 1}}
  org/other: {targets: [vendor/m], retry: {attempts: 1}}
"""
KEYED = (
    OPEN
    + """
keys:
  web: {key: web-secret-0123456789}
  narrow: {key: narrow-secret-0123456789, models: [assistant]}
server: {cors: ["https://app.example"]}
"""
)


LOCAL: Final[Mapping[bytes, bytes]] = MappingProxyType({b"host": b"127.0.0.1:8080"})


class Answered:
    """Stands in for the edge's exchange: keeps what was written."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.pieces: list[bytes] = []
        self.started = False
        self.is_ended = False

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes = b"") -> None:
        self.start(status, headers)
        self.pieces.append(body)
        self.is_ended = True

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        assert not self.started
        self.started = True
        self.status = status
        self.headers = dict(headers)

    def write(self, data: bytes) -> None:
        assert not self.is_ended
        self.pieces.append(data)

    def end(self, data: bytes = b"") -> None:
        self.write(data)
        self.is_ended = True

    @property
    def task(self) -> asyncio.Task[None] | None:
        return asyncio.current_task()

    async def drain(self) -> None:
        pass

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Served:
    """What answers, as the app asks for it."""

    def __init__(self, world: World) -> None:
        self.front = world.assembled.front
        self.passing = frozenset({b"traceparent", b"x-team"})
        self.sessions = Sessions(world.system.models)
        self.noticed = self.passing.union(SESSION_NAMES)
        self.exposed = frozenset(world.system.server.expose)
        self.passthrough = frozenset(world.system.passthrough)
        self.keepalive = world.system.server.keepalive
        self.same_as = SameAs(world.system.models, world.system.same_as) if world.system.same_as else None


class Facing:
    """What the app sees of a gateway: a `World`, or one over one leaf."""

    def __init__(
        self,
        leaf: Service | World,
        text: str = OPEN,
        callers: Mapping[str, Dialect] = CALLERS,
        chance: Callable[[int], int] = lambda bits: 7,
    ) -> None:
        self.world = leaf if isinstance(leaf, World) else World(lambda provider, model: leaf, text)
        self.stack = Served(self.world)
        self.started_at = 1_700_000_000.0
        self.max_body = 10_000_000
        self.reasons = ["vendor/m: set aside"]
        self.is_ready = True
        self.is_draining = False
        self.ring = self.world.assembled.keys or Keyring()
        self.strangers = 0
        self.kept = self.world.kept
        origins = Origins(self.world.system.server.cors, self.ring)
        self.app = App(self, origins, chance, callers)

    @property
    def journal(self) -> MemoryJournal:
        return self.world.journal

    def aliases_of(self, key: Key | None) -> Sequence[str]:
        return [alias for alias in self.world.system.models if key is None or key.may_use(alias)]

    def turned_away(self) -> None:
        self.strangers += 1

    def troubles(self) -> list[str]:
        return self.reasons

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        lookup = {**LOCAL, **named}
        answered = Answered()
        await self.put(method, path, body, answered, lookup)
        return answered

    async def put(
        self, method: str, path: str, body: bytes, answered: Answered, lookup: Mapping[bytes, bytes] = LOCAL
    ) -> None:
        request = Request(method, path, list(lookup.items()), dict(lookup), "1.1")
        request.body = body
        await self.app.handle(request, answered)

    async def chat(self, **headers: str) -> Answered:
        return await self.ask("POST", "/v1/chat/completions", chat(), **headers)


def chat(**fields: Any) -> bytes:
    return msgspec.json.encode({"model": "assistant", "messages": [{"role": "user", "content": "hi"}], **fields})


@virtual
async def test_a_whole_answer_keeps_the_vendors_bytes_and_has_our_id() -> None:
    leaf = Scripted(["hello"])
    answered = await Facing(leaf).chat()
    assert answered.status == 200
    assert answered.json["choices"][0]["message"]["content"] == "hello"
    came = time_range(answered.headers[b"x-request-id"].decode())
    assert came is not None
    assert came[0] <= wall() < came[1]
    assert answered.headers[b"x-request-id"][16:] == b"7".rjust(20, b"0")
    assert leaf.calls[0].body == chat()


@virtual
async def test_a_stream_is_written_as_it_comes_and_ends_once() -> None:
    answered = await Facing(Scripted([Stream(pieces=["one ", 1.0, "two"])])).ask(
        "POST", "/v1/chat/completions", chat(stream=True)
    )
    assert answered.headers[b"content-type"].startswith(b"text/event-stream")
    assert len(answered.pieces) > 1
    assert answered.body.endswith(b"data: [DONE]\n\n")
    assert answered.is_ended


@virtual
async def test_an_error_after_the_head_is_an_event_and_never_a_done() -> None:
    facing = Facing(Scripted([Stream(pieces=["one ", 1.0, Cut("the vendor went away")])]))
    answered = await facing.ask("POST", "/v1/chat/completions", chat(stream=True))
    assert answered.status == 200
    assert b"[DONE]" not in answered.body
    assert b'"code":"upstream_cut"' in answered.pieces[-1]
    assert answered.is_ended
    assert [record.outcome for record in facing.journal.records] == ["cut"]


@virtual
async def test_past_every_bound_it_is_503_with_retry_after_and_health_is_never_shed() -> None:
    service, handle = mock()
    facing = Facing(service, OPEN + "server: {max_in_flight: 1, max_queued: 1, max_wait: 3s}\n")
    asking = [asyncio.create_task(facing.chat()) for _ in range(3)]
    arrival = await handle.next_call()
    await settle()
    assert [task.done() for task in asking] == [False, True, False], "the oldest that waits goes first"
    for path, ready in (("/healthz", "ok"), ("/readyz", "ready")):
        answered = await facing.ask("GET", path)
        assert (answered.status, answered.json["status"]) == (200, ready)
    for task in asking[1:]:
        answered = await task
        assert (answered.status, answered.json["error"]["code"]) == (503, "overloaded")
        assert answered.headers[b"retry-after"] == b"1"
    arrival.reply()
    assert (await asking[0]).status == 200
    assert facing.world.left_behind() == {}


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("2.5", 2.5), ("3", 3.0), ("1500ms", 1.5), ("2m", 120.0), ("90000", 120.0), (" 4s ", 4.0)],
)
def test_a_callers_deadline_binds_and_never_lengthens(said: str, seconds: float) -> None:
    @virtual
    async def run() -> None:
        facing = Facing(
            Scripted([Stream(pieces=[1000.0, "late"])]),
            OPEN.replace("retry: {attempts: 1}", "timeouts: {answer: 120s}"),
        )
        answered = await facing.chat(x_headworks_deadline=said)
        assert (answered.status, answered.json["error"]["code"]) == (504, "timeout")
        [record] = facing.journal.records
        assert record.last_at - record.arrived_at == pytest.approx(seconds)

    run()


@pytest.mark.parametrize("said", ["", "soon", "0", "0ms", "-1", "1e3", "nan", "3650000d", "5 s", "1500 ms"])
@virtual
async def test_a_deadline_that_is_none_is_a_clear_400(said: str) -> None:
    facing = Facing(Scripted([]))
    answered = await facing.chat(x_headworks_deadline=said)
    assert answered.status == 400
    problem = answered.json["error"]
    assert problem["param"] == "x-headworks-deadline"
    assert "1500ms" in problem["message"]
    assert [record.outcome for record in facing.journal.records] == ["refused"]


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (Rejected("bad", said=VendorSaid(status=422, message="no", code="c", param="p")), 422, "c", {}),
        (
            Throttled("slow", retry_after=1.5, said=VendorSaid(status=429, code="rate")),
            429,
            "rate",
            {b"retry-after": b"2", b"x-should-retry": b"false"},
        ),
        (Failed("boom", said=VendorSaid(status=503, message="m")), 503, None, {b"x-should-retry": b"false"}),
        (Denied("no", said=VendorSaid(status=401, message="Incorrect API key sk-...")), 502, "upstream_denied", {}),
        (Expired(phase="answer"), 504, "timeout", {}),
        (Overloaded("full", retry_after=1.0), 503, "overloaded", {b"retry-after": b"1"}),
    ],
)
def test_every_error_has_its_status_code_and_headers(
    error: Exception, status: int, code: str | None, headers: dict[bytes, bytes]
) -> None:
    @virtual
    async def run() -> None:
        service, handle = mock()
        asking = asyncio.create_task(Facing(service).chat())
        (await handle.next_call()).error(error)
        answered = await asking
        assert (answered.status, answered.json["error"]["code"]) == (status, code)
        assert headers.items() <= answered.headers.items()
        assert answered.headers[b"x-request-id"].startswith(b"req_")
        assert b"sk-..." not in answered.body

    run()


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"", 400, None),
        (b"not json", 400, None),
        (b"[]", 400, None),
        (b'{"model":"assistant"}', 400, "messages"),
        (chat(model=5), 400, "model"),
        (chat(stream="yes"), 400, "stream"),
        (b'{"model":"a","model":"b","messages":[{}]}', 400, "model"),
        (b"[" * 10_000, 400, None),
        (b'{"model":"assistant","messages":[{"content":"\xff"}]}', 400, None),
        (chat(model="nope"), 404, "model"),
    ],
)
def test_bad_input_is_a_clear_4xx_and_reaches_no_vendor(body: bytes, status: int, param: str | None) -> None:
    @virtual
    async def run() -> None:
        leaf = Scripted([])
        facing = Facing(leaf)
        answered = await facing.ask("POST", "/v1/chat/completions", body)
        assert (answered.status, answered.json["error"]["param"]) == (status, param)
        assert answered.json["error"]["message"]
        assert leaf.calls == []
        assert [record.outcome for record in facing.journal.records] == ["refused"]

    run()


@virtual
async def test_a_stranger_is_401_whatever_his_body() -> None:
    facing = Facing(Scripted([]), KEYED)
    for body in (chat(), b"not json"):
        answered = await facing.ask("POST", "/v1/chat/completions", body, authorization="Bearer nobody")
        assert (answered.status, answered.json["error"]["code"]) == (401, "invalid_api_key")
    assert facing.journal.records == []


@virtual
async def test_models_lists_aliases_with_slashes_and_only_ones_own() -> None:
    facing = Facing(Scripted([]), KEYED)
    bearer = {"authorization": "Bearer web-secret-0123456789"}
    listed = await facing.ask("GET", "/v1/models", **bearer)
    assert [model["id"] for model in listed.json["data"]] == ["assistant", "org/other"]
    for path in ("/v1/models/org/other", "/v1/models/org%2Fother"):
        assert (await facing.ask("GET", path, **bearer)).json["id"] == "org/other"
    narrow = {"authorization": "Bearer narrow-secret-0123456789"}
    assert (await facing.ask("GET", "/v1/models/org/other", **narrow)).status == 404
    assert (await facing.ask("GET", "/v1/models")).status == 401


@virtual
async def test_health_needs_no_key_and_a_vendors_outage_is_a_reason() -> None:
    facing = Facing(Scripted([]), KEYED)
    assert (await facing.ask("GET", "/healthz")).status == 200
    ready = await facing.ask("GET", "/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "reasons": ["a target"]})
    facing.is_draining = True
    assert (await facing.ask("GET", "/readyz")).status == 503
    facing.is_draining, facing.is_ready = False, False
    assert (await facing.ask("GET", "/readyz")).json == {"status": "starting"}


@virtual
async def test_paths_and_methods_that_are_not_served_say_so() -> None:
    facing = Facing(Scripted([]))
    assert (await facing.ask("POST", "/v1/nope")).status == 404
    for method, path, allowed in (
        ("GET", "/v1/chat/completions", b"POST"),
        ("OPTIONS", "/v1/embeddings", b"POST"),
        ("DELETE", "/v1/models", b"GET, HEAD"),
        ("POST", "/v1/models/assistant", b"GET, HEAD"),
        ("POST", "/healthz", b"GET, HEAD"),
    ):
        answered = await facing.ask(method, path)
        assert (answered.status, answered.headers[b"allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("GET", "/", "`base_url`"),
        ("GET", "/v1", "`base_url`"),
        ("POST", "/v1/responses/", "without the slash"),
        ("POST", "/messages", "Did you mean /v1/messages?"),
        ("POST", "/chat/completions", "Did you mean /v1/chat/completions?"),
        ("POST", "/v1/v1/chat/completions", "Did you mean /v1/chat/completions?"),
        ("POST", "/v1/embeddings/", "without the slash"),
        ("GET", "/metrics", "admin port"),
        ("POST", "/v2/models/m:predict", ""),
    ],
)
def test_paths_that_people_try_are_told_the_paths_that_there_are_and_never_an_alias(
    method: str, path: str, hint: str
) -> None:
    @virtual
    async def run() -> None:
        answered = await Facing(Scripted([]), KEYED).ask(method, path)
        assert (answered.status, answered.json["error"]["code"]) == (404, "not_found")
        said = answered.json["error"]["message"]
        assert hint in said
        for served in ("POST /v1/chat/completions", "POST /v1/embeddings", "GET /v1/models", "GET /v1/models/{id}"):
            assert served in said
        assert "docs/operations.md" in said
        assert "assistant" not in said
        assert "org/other" not in said

    run()


@virtual
async def test_a_401_says_how_to_authenticate() -> None:
    facing = Facing(Scripted([]), KEYED)
    for answered in (
        await facing.chat(),
        await facing.chat(authorization="Bearer nobody"),
        await facing.ask("GET", "/v1/models"),
        await facing.ask("GET", "/v1/models/assistant"),
    ):
        assert (answered.status, answered.headers[b"www-authenticate"]) == (401, b'Bearer realm="headworks"')


def test_a_vendor_that_is_not_there_is_its_target_to_callers_and_an_address_to_the_record() -> None:
    with socket.create_server(("127.0.0.2", 0)) as closed:
        port = closed.getsockname()[1]
    client = Client(Origin(host="127.0.0.2", port=port))
    facing = Facing(Remote(client, OPENAI, "m", Account(b""), target="vendor/m"))
    for streamed in (False, True):
        answered = asyncio.run(facing.ask("POST", "/v1/chat/completions", chat(stream=streamed)))
        assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_unreachable")
        assert "vendor/m" in answered.json["error"]["message"]
        assert b"127.0.0.2" not in answered.body
        record = facing.journal.records[-1]
        for reason in (record.reason, record.attempts[0].reason):
            assert reason.endswith(f"Connection refused (http://127.0.0.2:{port}: Connection refused)")


@virtual
async def test_health_says_which_part_does_not_work_and_nothing_else_of_it() -> None:
    facing = Facing(Scripted([]), KEYED)
    facing.reasons = [
        "vendor/m: set aside after failures",
        "ollama/llama3:8b: set aside after failures (1 of 2 workers)",
        "here: the model is still loading",
        "worker 1: it is started again",
        "journal: 17 bytes wait for the disk, 3 records lost",
        'ledger: the store postgresql://db:5432/x does not work: connection to "10.0.0.5" failed; 3 records wait',
        "keys: the store /srv/ledger.db says nothing; keys that are known are served",
        "state: redis://cache:6379 is away; groups that are `open` go on",
    ]
    expected = ["a target", "a model", "a worker", "the journal", "the ledger", "the store of keys", "the state"]
    assert (await facing.ask("GET", "/readyz")).json["reasons"] == expected


@virtual
async def test_without_keys_a_foreign_host_or_an_origin_is_refused() -> None:
    facing = Facing(Scripted(["a", "b"]))
    assert (await facing.chat(host="evil.example")).status == 403
    assert (await facing.chat(origin="https://evil.example")).status == 403
    assert (await facing.chat(host="localhost:8080")).status == 200
    assert (await facing.chat(host="[::1]:8080")).status == 200


@virtual
async def test_cors_is_for_the_origins_that_are_listed() -> None:
    facing = Facing(Scripted(["a", "b"]), KEYED)
    bearer = {"authorization": "Bearer web-secret-0123456789"}
    listed = await facing.chat(origin="https://app.example", host="gateway.example", **bearer)
    assert listed.headers[b"access-control-allow-origin"] == b"https://app.example"
    other = await facing.chat(origin="https://evil.example", host="gateway.example", **bearer)
    assert (other.status, b"access-control-allow-origin" in other.headers) == (200, False)
    exposed = listed.headers[b"access-control-expose-headers"].decode().split(", ")
    for name in ("x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-ratelimit-remaining-tokens"):
        assert name in exposed
    refused = await facing.ask("GET", "/v1/embeddings", origin="https://app.example", host="gateway.example")
    assert (refused.status, refused.headers[b"access-control-allow-origin"]) == (405, b"https://app.example")
    preflight = await facing.ask("OPTIONS", "/v1/chat/completions", origin="https://app.example")
    assert (preflight.status, preflight.headers[b"vary"]) == (204, b"origin")


@virtual
async def test_only_listed_headers_of_the_caller_go_further() -> None:
    leaf = Scripted(["a"])
    await Facing(leaf).chat(traceparent="00-1-2-01", cookie="secret", x_team="red", openai_beta="x", x_other="no")
    assert [name for name, _ in leaf.calls[0].forwarded] == [b"traceparent", b"x-team", b"openai-beta"]


class Telling:
    """A leaf whose vendor tells of its limits."""

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[Reply]:
        told = ((b"x-ratelimit-limit-requests", b"99999"), (b"openai-model", b"m-1"))
        yield CompleteReply([Chunk(data=b"{}", has_content=True, last=True)], headers=told)


@pytest.mark.parametrize(("limit", "told"), [("", b"99999"), (", rpm: 60", b"60")])
def test_a_callers_own_limits_go_before_those_that_a_vendor_tells_of(limit: str, told: bytes) -> None:
    @virtual
    async def run() -> None:
        facing = Facing(Telling(), KEYED.replace("web-secret-0123456789}", f"web-secret-0123456789{limit}}}"))
        answered = await facing.chat(authorization="Bearer web-secret-0123456789")
        assert answered.headers[b"x-ratelimit-limit-requests"] == told
        assert answered.headers[b"openai-model"] == b"m-1"

    run()


@virtual
async def test_the_callers_trace_is_on_the_record() -> None:
    facing = Facing(Scripted(["a"]))
    await facing.chat(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert facing.journal.records[0].trace == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        (b"127.0.0.1", True),
        (b"127.8.9.1:80", True),
        (b"localhost", True),
        (b"app.localhost:1", True),
        (b"[::1]", True),
        (b"", False),
        (b"127.0.0.1.evil.example", False),
        (b"localhost.evil.example", False),
        (b"10.0.0.1", False),
        (b"[::2]:80", False),
    ],
)
def test_loopback_names(host: bytes, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours


@virtual
async def test_what_the_cache_had_to_say_is_in_the_headers_and_its_words_are_the_callers() -> None:
    facing = Facing(
        Scripted(["one", "two", "three"]),
        OPEN.replace("assistant: {", "assistant: {cache: {exact: 1h}, "),
    )

    async def said(**headers: str) -> tuple[bytes | None, bytes | None]:
        answered = await facing.chat(**headers)
        return answered.headers.get(b"x-headworks-cache"), answered.headers.get(b"age")

    assert await said() == (b"miss", None)
    await asyncio.sleep(7.5)
    assert await said() == (b"hit", b"7")
    assert await said(cache_control="no-cache") == (b"bypass", None)
    assert await said(cache_control="max-age=60") == (b"hit", b"0")
    plain = await facing.ask("POST", "/v1/chat/completions", chat(model="org/other"))
    assert b"x-headworks-cache" not in plain.headers
    assert [record.cache for record in facing.journal.records] == ["miss", "hit", "bypass", "hit", ""]


EXPOSING = OPEN.replace("retry: {attempts: 1}}", "retry: {attempts: 1}, price: {input: $1/M, output: $10/M}}", 1) + (
    "server: {expose: [target, cost, attempts]}\n"
)


@virtual
async def test_a_whole_answer_says_who_answered_and_what_it_cost_where_the_file_exposes_it() -> None:
    facing = Facing(Scripted(["hello"]), EXPOSING)
    answered = await facing.chat()
    assert answered.headers[b"x-headworks-target"] == b"vendor/m"
    assert answered.headers[b"x-headworks-attempts"] == b"1"
    [record] = facing.journal.records
    assert record.cost_nano
    assert float(answered.headers[b"x-headworks-cost"]) == record.cost_nano / 1e9


@virtual
async def test_a_stream_says_who_answers_and_not_what_it_will_cost() -> None:
    answered = await Facing(Scripted([Stream(pieces=["one ", 1.0, "two"])]), EXPOSING).ask(
        "POST", "/v1/chat/completions", chat(stream=True)
    )
    assert answered.headers[b"x-headworks-target"] == b"vendor/m"
    assert answered.headers[b"x-headworks-attempts"] == b"1"
    assert b"x-headworks-cost" not in answered.headers


@virtual
async def test_an_error_says_who_failed_where_the_file_exposes_it() -> None:
    service, handle = mock()
    asking = asyncio.create_task(Facing(service, EXPOSING).chat())
    (await handle.next_call()).error(Failed("boom"))
    assert (await asking).headers[b"x-headworks-target"] == b"vendor/m"


@virtual
async def test_nothing_is_exposed_by_default() -> None:
    answered = await Facing(Scripted(["hello"])).chat()
    assert [name for name in answered.headers if name.startswith(b"x-headworks")] == []


@pytest.mark.parametrize(
    ("nano", "said"),
    [(0, b"0"), (292_000, b"0.000292"), (12_500_000_000, b"12.5"), (1_000_000_000, b"1"), (1, b"0.000000001")],
)
def test_a_cost_is_spelled_with_every_digit(nano: int, said: bytes) -> None:
    assert spelled(nano) == said


class Seen(Scripted):
    """A leaf that notes in which turn of the loop it was asked."""

    turns = 0
    asked_in = -1

    async def count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.turns += 1

    def open(self, call: Call) -> Opening:
        self.asked_in = self.turns
        return super().open(call)


@pytest.mark.parametrize(("size", "apart"), [(100_000, False), (LARGE, True)])
def test_a_large_body_is_read_in_one_turn_of_the_loop_and_looked_up_in_another(size: int, apart: bool) -> None:
    async def run() -> None:
        leaf = Seen(["hello"])
        facing = Facing(
            leaf, OPEN.replace("{targets: [vendor/m], retry", "{cache: {exact: 60s}, targets: [vendor/m], retry", 1)
        )
        read_in = -1
        serving = facing.app.posts["/v1/chat/completions"].__self__  # type: ignore[attr-defined]
        reads = serving.read

        def read(body: bytes, path: str) -> Asked:
            nonlocal read_in
            read_in = leaf.turns
            return reads(body, path)

        serving.read = read
        counting = asyncio.create_task(leaf.count())
        answered = await facing.ask("POST", "/v1/chat/completions", chat(padding="x" * size))
        counting.cancel()
        assert answered.status == 200
        assert (leaf.asked_in - read_in >= 2) is apart, "once before the stack, and once before the cache"

    asyncio.run(run())
