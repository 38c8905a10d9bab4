"""What callers of each API may do differently on one port: where the model and the key stand, what ids and statuses are."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from headworks.core.dialect import Asked
from headworks.gateway.leaves import OURS
from headworks.providers.scripted import Scripted
from headworks.providers.translating import Translating
from headworks.server.app import CALLERS
from tests.server.test_app import KEYED, Facing, chat, virtual
from tests.wire.toy.caller import ToyCaller

SECRET = "web-secret-0123456789"
AT_MODEL = "/toy/models/{model}:say"


class ToyAtModel(ToyCaller):
    """The toy with the model's name in the path."""

    def read(self, body: bytes, path: str = "", /) -> Asked:
        at, _, query = path.partition("?")
        assert query in ("", "alt=sse")
        return Asked(unquote(at.removeprefix("/toy/models/").removesuffix(":say")))


PATHS = {**CALLERS, AT_MODEL: ToyAtModel()}


@pytest.mark.parametrize("name", ["org/other", "org%2Fother"])
@virtual
async def test_a_model_may_stand_in_the_path(name: str) -> None:
    facing = Facing(Translating(Scripted(["hello"]), OURS, "m"), callers=PATHS)
    await facing.ask("POST", f"/toy/models/{name}:say?alt=sse", b'{"who": "", "say": [["me", "Hi"]]}')
    assert [record.model for record in facing.journal.records] == ["org/other"]


@virtual
async def test_a_path_with_a_model_takes_post_only_and_needs_a_model_and_a_key() -> None:
    facing = Facing(Scripted([]), KEYED, callers=PATHS)
    assert (await facing.ask("GET", "/toy/models/assistant:say")).status == 405
    assert (await facing.ask("POST", "/toy/models/:say")).status == 404
    stranger = await facing.ask("POST", "/toy/models/assistant:say", b"{}")
    assert stranger.status == 401
    assert "oops" in stranger.json


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"authorization": f"Bearer {SECRET}"}),
        ("", {"x-api-key": SECRET}),
        ("", {"x-goog-api-key": SECRET}),
        (f"?key={SECRET}", {}),
        (f"?alt=sse&key={SECRET}", {"authorization": "Basic x", "x-api-key": ""}),
        ("?key=another", {"authorization": f"bearer {SECRET}", "x-api-key": "another"}),
    ],
)
@virtual
async def test_a_key_is_read_where_any_sdk_sends_it(query: str, headers: dict[str, str]) -> None:
    facing = Facing(Scripted(["hello"]), KEYED)
    assert (await facing.ask("POST", f"/v1/chat/completions{query}", chat(), **headers)).status == 200
    assert [record.key for record in facing.journal.records] == ["web"]


@pytest.mark.parametrize("headers", [{"x-api-key": "wrong"}, {"authorization": "Bearer wrong", "x-api-key": SECRET}])
@virtual
async def test_a_wrong_key_is_refused_wherever_it_stands(headers: dict[str, str]) -> None:
    assert (await Facing(Scripted([]), KEYED).ask("POST", "/v1/chat/completions", chat(), **headers)).status == 401


@virtual
async def test_somebody_is_here_for_who_asks_with_head() -> None:
    answered = await Facing(Scripted([]), KEYED).ask("HEAD", "/")
    assert (answered.status, answered.body) == (200, b"")


@virtual
async def test_an_answer_has_its_id_also_where_its_api_wants_it() -> None:
    facing = Facing(Translating(Scripted(["hello"] * 2), OURS, "m"), callers=PATHS)
    for name in ("assistant", "unknown"):
        answered = await facing.ask("POST", f"/toy/models/{name}:say", b'{"who": "", "say": [["me", "Hi"]]}')
        assert answered.headers[b"toy-request-id"] == answered.headers[b"x-request-id"]
    assert b"toy-request-id" not in (await facing.chat()).headers


NAMED = KEYED.replace("models:\n", "models:\n  'claude-*': {same_as: assistant}\n  gpt-5: {same_as: org/other}\n", 1)
NARROW = "narrow-secret-0123456789"


@pytest.mark.parametrize(
    ("secret", "model", "status"), [(SECRET, "claude-opus-9", 200), (SECRET, "gpt-5", 200), (NARROW, "gpt-5", 404)]
)
@virtual
async def test_a_name_that_means_an_alias_is_that_alias_to_keys_and_records(
    secret: str, model: str, status: int
) -> None:
    facing = Facing(Scripted(["hello"]), NAMED)
    answered = await facing.ask("POST", "/v1/chat/completions", chat(model=model), authorization=f"Bearer {secret}")
    assert answered.status == status
    [record] = facing.journal.records
    assert record.model == ("assistant" if model.startswith("claude") else "org/other")
