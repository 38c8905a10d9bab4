"""The admin port, in process: who may ask, what is answered, and that nothing secret is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headworks.core.errors import ConfigError
from headworks.gateway.gateway import Gateway
from headworks.server.admin import Admin
from headworks.server.admin_view import Single
from headworks.server.app import App
from headworks.server.control_files import ControlFiles
from headworks.server.origins import Origins
from headworks.server.reloading import Reloading, replacing
from headworks.server.serve import claimed
from headworks.system.load import Loaded, load
from headworks.system.schema.notations import Address
from headworks.system.schema.system import ADMIN, Server

ADMIN_KEY = "admin-secret-0123456789"
CALLER_KEY = "caller-secret-0123456789"
CLOSED = f"""
version: 1
name: tried
providers: {{sim: {{dialect: simulated, first_token: {{p50: 1ms, p99: 2ms}}, per_token: {{p50: 1ms, p99: 2ms}}}}}}
models: {{assistant: sim}}
keys: {{web: {{key: {CALLER_KEY}}}}}
"""
OPEN = CLOSED + f"server: {{admin_key: {ADMIN_KEY}}}\n"
BEARER = {"authorization": f"Bearer {ADMIN_KEY}"}
GUARDED = [("GET", "/metrics"), ("GET", "/v1/system"), ("POST", "/reload")]


class Tried:
    """A gateway with its admin port, and the file that both were made from."""

    def __init__(self, folder: Path, text: str) -> None:
        self.file = folder / "system.yaml"
        self.file.write_text(text)
        self.gateway = Gateway(self.read().system, folder, seed=1)
        self.app = App(self.gateway, Origins((), self.gateway.ring), lambda bits: 7)
        reloading = Reloading(
            self.gateway, replacing(self.gateway, self.app, self.read), ControlFiles(folder, self.file)
        )
        self.admin = Admin(Single(self.gateway, reloading))
        transport = httpx.ASGITransport(self.admin.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081")

    def read(self) -> Loaded:
        return load(self.file, {})

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.request(method, path, headers=headers)


@asynccontextmanager
async def tried(folder: Path, text: str) -> AsyncIterator[Tried]:
    it = Tried(folder, text)
    await it.gateway.start()
    try:
        async with it.client:
            yield it
    finally:
        await it.gateway.stop()


def within(folder: Path, text: str, test: Callable[[Tried], Awaitable[None]]) -> None:
    async def run() -> None:
        async with tried(folder, text) as it:
            await test(it)

    asyncio.run(run())


def test_without_an_admin_key_only_health_is_answered(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        for method, path in GUARDED:
            for headers in (None, BEARER, {"authorization": "Bearer "}):
                answer = await it.ask(method, path, headers)
                assert answer.status_code == 403
                assert "server.admin_key" in answer.json()["error"]["message"]
        assert (await it.ask("GET", "/healthz")).json() == {"status": "ok"}
        assert (await it.ask("GET", "/readyz")).json() == {"status": "ready", "reasons": []}

    within(tmp_path, CLOSED, test)


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "Bearer wrong", f"Bearer {ADMIN_KEY}x", f"Basic {ADMIN_KEY}", f"Bearer {CALLER_KEY}", "Bearer é"],
)
def test_with_one_nothing_else_opens_it(tmp_path: Path, shown: str) -> None:
    async def test(it: Tried) -> None:
        for method, path in GUARDED:
            answer = await it.client.request(method, path, headers={b"authorization": shown.encode("latin-1")})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert ADMIN_KEY not in answer.text
        assert it.gateway.generation == 0

    within(tmp_path, OPEN, test)


def test_the_key_opens_it(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        metrics = await it.ask("GET", "/metrics", BEARER)
        assert metrics.status_code == 200
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
        families = {family.name for family in text_string_to_metric_families(metrics.text)}
        assert {"headworks_in_flight_calls", "headworks_build_info", "process_resident_memory_bytes"} <= families
        system = await it.ask("GET", "/v1/system", {"authorization": f"bearer {ADMIN_KEY}"})
        said = system.json()
        assert (said["name"], said["aliases"], said["keys"]) == ("tried", ["assistant"], ["web"])
        assert said["config"] == it.gateway.system.digest
        assert 0 <= said["uptime"] < 60
        assert ADMIN_KEY not in system.text + metrics.text
        assert CALLER_KEY not in system.text + metrics.text

    within(tmp_path, OPEN, test)


def test_reload_says_what_came_of_it(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        before = it.gateway.front
        it.file.write_text(OPEN.replace("assistant: sim", "assistant: simm"))
        refused = await it.ask("POST", "/reload", BEARER)
        assert refused.status_code == 422
        [problem] = refused.json()["problems"]
        assert "there is no provider `simm`" in problem["problem"]
        assert (problem["line"], problem["remedy"]) == (5, "did you mean `sim`? providers: sim")
        assert it.gateway.front is before

        it.file.write_text(OPEN.replace("assistant: sim", "assistant: sim, second: sim"))
        done = await it.ask("POST", "/reload", BEARER)
        assert done.status_code == 200
        assert done.json()["config"] == it.gateway.system.digest
        assert (await it.ask("GET", "/v1/system", BEARER)).json()["aliases"] == ["assistant", "second"]
        assert (await it.ask("GET", "/v1/system", BEARER)).json()["reloads"] == {"reloaded": 1, "refused": 1}

    within(tmp_path, OPEN, test)


def test_a_reload_may_change_the_admin_key(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        it.file.write_text(OPEN.replace(ADMIN_KEY, "another-secret-0123456789"))
        assert (await it.ask("POST", "/reload", BEARER)).status_code == 200
        assert (await it.ask("GET", "/v1/system", BEARER)).status_code == 401
        assert (await it.ask("GET", "/v1/system", {"authorization": "Bearer another-secret-0123456789"})).is_success

    within(tmp_path, OPEN, test)


def test_a_reload_changes_who_may_ask_from_a_browser(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        it.file.write_text(OPEN.replace("admin_key", 'cors: ["https://app.example"], admin_key'))
        assert (await it.ask("POST", "/reload", BEARER)).status_code == 200
        assert it.app.origins.allowed == {b"https://app.example"}

    within(tmp_path, OPEN, test)


def test_a_gateway_that_drains_is_not_ready_and_is_not_reloaded(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        it.gateway.is_draining = True
        assert (await it.ask("GET", "/readyz")).status_code == 503
        assert (await it.ask("POST", "/reload", BEARER)).status_code == 422

    within(tmp_path, OPEN, test)


def test_other_paths_and_methods_are_not_there(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        assert (await it.ask("GET", "/v1/models", BEARER)).status_code == 404
        assert (await it.ask("GET", "/reload", BEARER)).status_code == 405

    within(tmp_path, OPEN, test)


def test_it_answers_on_its_socket_and_leaves_it(tmp_path: Path) -> None:
    async def test(it: Tried) -> None:
        listening = claimed(Server(admin=Address(host="127.0.0.1", port=0)))
        assert listening is not None
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with it.admin.serving(listening), httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/metrics", headers=BEARER)).status_code == 200
        assert listening.fileno() == -1

    within(tmp_path, OPEN, test)


def test_a_named_port_that_is_taken_is_an_error_and_the_default_one_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(ConfigError) as raised:
            claimed(Server(admin=address))
        assert raised.value.problems[0].path == "server.admin"
        monkeypatch.setattr("headworks.server.serve.ADMIN", address)
        assert claimed(Server()) is None
        assert "no admin port" in caplog.text
    assert Address(host="127.0.0.1", port=8081) == ADMIN
