"""`headworks probe` as it is typed: nothing is sent unasked, and what was measured is kept and used."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headworks.cli import plan_run
from headworks.cli.check import age
from headworks.cli.exit_codes import CANNOT_SAY, COULD_NOT_RUN, HOLDS
from headworks.cli.main import commands, run
from headworks.core.errors import PlanError
from headworks.twin.plan import PlanInputs

FILE = """\
requirements:
  traffic: {{peak_rps: 1, prompt_tokens: {{p50: 20, p95: 40}}, output_tokens: {{p50: 5, p95: 8}}}}
  objectives: [{{id: first, metric: time_to_first_token, percentile: 95, at_most: 5s}}]
providers:
  v: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1", tpm: 1M}}
models: {{a: {{targets: [v/m], price: {{input: $1/M, output: $5/M}}}}}}
"""


class Vendor(ThreadingHTTPServer):
    """A vendor that streams as many tokens as it may."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[dict[str, Any]] = []
        self.status = 200


class Answering(BaseHTTPRequestHandler):
    server: Vendor
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        if self.server.status != 200:
            self.say("application/json", b'{"error": {"message": "no"}}')
            return
        most = body["max_tokens"]
        parts: list[Any] = [{"choices": [{"index": 0, "delta": {"content": "a "}}]} for _ in range(most)]
        parts.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
        parts.append({"choices": [], "usage": {"prompt_tokens": 21, "completion_tokens": most}})
        said = b"".join(b"data: %b\n\n" % json.dumps(part).encode() for part in parts)
        self.say("text/event-stream", said + b"data: [DONE]\n\n")

    def say(self, kind: str, body: bytes) -> None:
        self.send_response(self.server.status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-ratelimit-limit-tokens", "200000")
        self.end_headers()
        # Two writes: all content in one segment would have no pace.
        self.wfile.write(body[:100])
        self.wfile.flush()
        self.wfile.write(body[100:])

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    server = Vendor()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(vendor: Vendor, tmp_path: Path) -> Path:
    path = tmp_path / "headworks.yaml"
    path.write_text(FILE.format(port=vendor.server_address[1]))
    return path


def probed(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(commands, ["probe", *arguments], input=answer)


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_nothing_is_sent_before_the_cost_is_shown_and_agreed_to(answer: str, file: Path, vendor: Vendor) -> None:
    result = probed(str(file), answer=answer)
    assert (result.exit_code, vendor.asked) == (CANNOT_SAY, [])
    assert "Make these 20 calls, for $0.0009" in result.output
    assert "nothing was sent (--yes confirms)" in result.output
    assert not (file.parent / ".headworks").exists()


def test_json_asks_nobody_and_so_sends_nothing_unagreed(
    file: Path, vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["probe", "--json", str(file)]) == COULD_NOT_RUN
    assert "add --yes" in capsys.readouterr().err
    assert vendor.asked == []


def test_what_was_agreed_to_is_asked_kept_and_used(
    file: Path, vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    result = probed("--calls", "6", "--place", "lab", str(file), answer="y\n")
    assert result.exit_code == HOLDS
    assert len(vendor.asked) == 6
    assert all(body["stream"] and body["model"] == "m" for body in vendor.asked)
    assert "6 of 6" in result.output
    assert "v/m says x-ratelimit-limit-tokens: 200000" in result.output
    assert "the file says tpm: 1000000 of v, but the vendor says 200000" in result.output
    assert run(["check", str(file)]) == HOLDS
    assert "speed of v/m: asked less than a minute ago at lab, 6 answers" in capsys.readouterr().out


def test_plan_is_given_what_was_measured_unless_it_is_left_out(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probed("--yes", "--calls", "5", str(file)).exit_code == HOLDS
    given: list[list[str]] = []

    def plan(system: object, known: PlanInputs, *others: object) -> None:
        given.append(list(known.measured.targets))
        raise PlanError("enough")

    monkeypatch.setattr(plan_run, "plan", plan)
    assert [run(["plan", *options, str(file)]) for options in ([], ["--no-probe"])] == [COULD_NOT_RUN] * 2
    assert given == [["v/m"], []]


def test_yes_and_json_are_for_machines(file: Path, vendor: Vendor) -> None:
    result = probed("--yes", "--json", "--calls", "5", str(file))
    told = json.loads(result.stdout)
    assert result.exit_code == HOLDS
    assert told["targets"]["v/m"]["answered"] == 5
    assert told["cost_nano"] > 0


def test_a_target_that_does_not_answer_was_not_measured(file: Path, vendor: Vendor) -> None:
    vendor.status = 500
    result = probed("--yes", "--calls", "5", str(file))
    assert result.exit_code == CANNOT_SAY
    assert "5 Failed" in result.output
    assert "v/m was not measured: fewer than 5 answers that can be timed" in result.output


def test_a_target_that_is_not_there_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["probe", "--target", "v/n", str(file)]) == COULD_NOT_RUN
    assert "there is no target v/n that may be asked: did you mean `v/m`?" in capsys.readouterr().err


def test_a_file_that_the_command_did_not_write_is_told_and_not_guessed_at(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / ".headworks").mkdir()
    (file.parent / ".headworks" / "probe.json").write_text("{}[")
    assert run(["plan", str(file)]) == COULD_NOT_RUN
    assert "run `headworks probe` again" in capsys.readouterr().err
    assert run(["check", str(file)]) == HOLDS  # the system file is right all the same
    assert "probe.json: the measurements cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "less than a minute"), (60, "1 minute"), (7300, "2 hours"), (86400, "1 day"), (40 * 86400, "40 days")],
)
def test_an_age_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert age(seconds) == said
