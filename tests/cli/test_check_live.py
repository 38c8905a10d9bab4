"""`headworks check --live`: what a vendor says of key, model and address; nothing that costs happens unasked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headworks.cli.exit_codes import CANNOT_SAY, FAILS, HOLDS
from headworks.cli.main import commands

KEY = "vendor-key-0123456789"


class Vendor(ThreadingHTTPServer):
    """A vendor with one model in its list, one that its list leaves out, and one that knows only the newer bound."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[dict[str, Any]] = []
        self.has_list = True


class Answering(BaseHTTPRequestHandler):
    server: Vendor

    def do_GET(self) -> None:
        if not self.server.has_list:
            self.say(404, {"error": {"message": "no such path"}})
        elif "limit=1000" in self.path and self.is_known():
            assert self.headers["anthropic-version"]
            self.say(200, {"data": [{"type": "model", "id": "listed"}], "has_more": False})
        elif "pageSize=1000" in self.path and self.is_known():
            self.say(200, {"models": [{"name": "models/listed"}]})
        elif self.is_known():
            self.say(200, {"object": "list", "data": [{"id": "listed"}, {"id": "models/prefixed"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        if not self.is_known():
            return
        if body["model"] == "absent":
            self.say(404, {"error": {"message": "The model `absent` does not exist", "code": "model_not_found"}})
        elif body["model"] == "newer" and "max_tokens" in body:
            self.say(400, {"error": {"message": "Use max_completion_tokens.", "param": "max_tokens"}})
        else:
            message = {"role": "assistant", "content": "Hello"}
            usage = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}
            self.say(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})

    def is_known(self) -> bool:
        if self.headers["authorization"] == f"Bearer {KEY}":
            return True
        if KEY in (self.headers["x-api-key"], self.headers["x-goog-api-key"]):
            return True
        self.say(401, {"error": {"message": f"Incorrect API key provided: {self.headers['authorization'][7:]}"}})
        return False

    def say(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Refusing(BaseHTTPRequestHandler):
    """A proxy that wants credentials, whatever is reached through it."""

    def parse_request(self) -> bool:
        if super().parse_request():
            self.send_response(407)
            self.send_header("content-length", "0")
            self.end_headers()
        return False

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def check(
    folder: Path, port: int, models: str, *options: str, key: str = KEY, answer: str = "", dialect: str = "openai"
) -> Result:
    file = folder / "headworks.yaml"
    file.write_text(
        f"""\
providers:
  v: {{dialect: {dialect}, base_url: "http://127.0.0.1:{port}/v1", api_key: "${{env:KEY}}"}}
  sim: {{dialect: simulated}}
models: {{a: {{targets: [{models}, sim], price: {{input: $1/M, output: $10/M}}}}}}
"""
    )
    return CliRunner().invoke(commands, ["check", "--live", *options, str(file)], env={"KEY": key}, input=answer)


@pytest.mark.parametrize("model", ["listed", "prefixed"])
def test_a_model_in_the_vendors_list_is_right_and_costs_nothing(vendor: Vendor, tmp_path: Path, model: str) -> None:
    result = check(tmp_path, vendor.server_port, f"v/{model}")
    assert result.exit_code == HOLDS
    assert f"v/{model}  right  $0" in result.output
    assert vendor.asked == []


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_the_lists_of_other_apis_are_read_as_they_are(vendor: Vendor, tmp_path: Path, dialect: str) -> None:
    result = check(tmp_path, vendor.server_port, "v/listed", dialect=dialect)
    assert (result.exit_code, vendor.asked) == (HOLDS, [])
    assert "the vendor's list of models has it" in result.output


def test_azures_list_says_nothing_of_deployments(vendor: Vendor, tmp_path: Path) -> None:
    """It names models; a target's model is a deployment. So only a call tells."""
    check(tmp_path, vendor.server_port, "v/listed", "--yes", dialect="azure")
    assert [body["model"] for body in vendor.asked] == ["listed"]


def test_a_key_that_the_vendor_refuses_is_wrong_and_is_not_shown(vendor: Vendor, tmp_path: Path) -> None:
    result = check(tmp_path, vendor.server_port, "v/listed", key="another-key-0123456789")
    assert result.exit_code == FAILS
    assert "refuses our key" in result.output
    assert "another-key-0123456789" not in result.output


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_us_is_not_taken_for_the_vendor(tmp_path: Path, scheme: str) -> None:
    file = tmp_path / "headworks.yaml"
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        at = f"proxy: 'http://127.0.0.1:{proxy.server_port}'"
        file.write_text(
            f"providers: {{v: {{dialect: openai, base_url: '{scheme}://vendor.test/v1', api_key: '${{env:KEY}}', {at}}}}}\n"
            "models: {a: {targets: [v/m], price: {input: $1/M, output: $10/M}}}\n"
        )
        result = CliRunner().invoke(commands, ["check", "--live", "--yes", str(file)], env={"KEY": KEY})
        proxy.shutdown()
        thread.join()
    assert result.exit_code == FAILS
    assert "The proxy refuses us: 407" in result.output
    assert "the vendor refuses" not in result.output


def test_an_address_where_nobody_listens_is_wrong(vendor: Vendor, tmp_path: Path) -> None:
    result = check(tmp_path, 9, "v/listed")
    assert result.exit_code == FAILS
    assert "the address does not answer" in result.output


@pytest.mark.parametrize(("answer", "calls"), [("n\n", 0), ("", 0), ("y\n", 1)])
def test_a_call_that_costs_is_made_when_its_price_was_agreed_to(
    vendor: Vendor, tmp_path: Path, answer: str, calls: int
) -> None:
    result = check(tmp_path, vendor.server_port, "v/tuned", answer=answer)
    assert "for $0.000176 at most in all?" in result.output
    assert len(vendor.asked) == calls
    assert result.exit_code == (HOLDS if calls else CANNOT_SAY)


def test_an_agreed_call_says_what_it_cost_and_has_a_bound(vendor: Vendor, tmp_path: Path) -> None:
    vendor.has_list = False
    result = check(tmp_path, vendor.server_port, "v/newer", "--yes", "--json")
    [live] = json.loads(result.output)["live"]
    assert live == {"target": "v/newer", "verdict": "right", "why": "it answered a call", "cost_nano": 28_000}
    assert [body.get("max_tokens") or body.get("max_completion_tokens") for body in vendor.asked] == [16, 16]


def test_for_machines_nothing_that_costs_happens_without_yes(vendor: Vendor, tmp_path: Path) -> None:
    result = check(tmp_path, vendor.server_port, "v/tuned", "--json")
    assert json.loads(result.output)["live"][0]["verdict"] == "cannot say"
    assert result.exit_code == CANNOT_SAY
    assert vendor.asked == []


def test_a_model_that_there_is_not_is_wrong(vendor: Vendor, tmp_path: Path) -> None:
    result = check(tmp_path, vendor.server_port, "v/absent", "--yes")
    assert result.exit_code == FAILS
    assert "does not exist" in result.output


def test_without_the_flag_nobody_is_asked(vendor: Vendor, tmp_path: Path) -> None:
    check(tmp_path, 9, "v/listed")
    result = CliRunner().invoke(commands, ["check", str(tmp_path / "headworks.yaml")], env={"KEY": KEY})
    assert result.exit_code == HOLDS
    assert "live" not in result.output
