"""Models as Gemini's clients list them."""

from __future__ import annotations

import pytest

from headworks.providers.scripted import Scripted
from tests.server.test_app import KEYED, Facing, virtual

SECRET = {"x_goog_api_key": "web-secret-0123456789"}


@virtual
async def test_the_aliases_of_a_key_are_listed_and_shown_one_by_one() -> None:
    facing = Facing(Scripted([]), KEYED)
    listed = (await facing.ask("GET", "/v1beta/models", **SECRET)).json["models"]
    names = [one["name"] for one in listed]
    assert names == [f"models/{one['displayName']}" for one in listed] != []
    assert "generateContent" in listed[0]["supportedGenerationMethods"]
    one = await facing.ask("GET", f"/v1beta/{names[0]}", **SECRET)
    assert (one.status, one.json) == (200, listed[0])


@virtual
async def test_a_list_may_be_asked_for_page_by_page() -> None:
    facing = Facing(Scripted([]), KEYED)
    every = (await facing.ask("GET", "/v1beta/models?pageSize=0", **SECRET)).json
    assert "nextPageToken" not in every
    found = []
    token = ""
    while True:
        page = (await facing.ask("GET", f"/v1beta/models?pageSize=1&pageToken={token}", **SECRET)).json
        found += page["models"]
        if not (token := page.get("nextPageToken", "")):
            break
    assert found == every["models"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1beta/models", {}, 401),
        ("GET", "/v1beta/models/nobody", SECRET, 404),
        ("GET", "/v1beta/models?pageSize=many", SECRET, 400),
        ("POST", "/v1beta/models", SECRET, 405),
        ("DELETE", "/v1beta/models/assistant", SECRET, 405),
        ("POST", "/v1beta/models/m:predict", SECRET, 404),
    ],
)
@virtual
async def test_errors_about_models_have_googles_shape(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    got = await Facing(Scripted([]), KEYED).ask(method, path, **headers)
    assert (got.status, got.json["error"]["code"]) == (status, status)
    assert got.json["error"]["status"].isupper()
