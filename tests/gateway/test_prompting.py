"""Prompts of a system file, called as anybody calls a model."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.errors import ConfigError, Unauthenticated, Unprocessable
from headworks.core.extras import install
from headworks.core.record import Record
from headworks.gateway import prompting
from headworks.gateway.gateway import Gateway
from headworks.system.load import read
from headworks.system.schema.system import System
from headworks.testing import ask
from headworks.testing import call as asked
from tests.system.files import FakeMachine

TEXT = """
providers: {sim: {dialect: simulated, first_token: {p50: 1ms, p99: 2ms}, per_token: {p50: 1ms, p99: 2ms}}}
models: {assistant: sim}
prompts:
  summarize: {file: summarize.md, model: assistant}
  extract: {file: extract.md, model: assistant}
"""
SUMMARIZE = "---\nvariables: {text: {type: string}}\n---\n# system\nBe short.\n# user\n{{ text }}\n"
EXTRACT = """---
output: {type: object, properties: {city: {type: string}}, required: [city], additionalProperties: false}
---
Name a city.
"""


def system(folder: Path, text: str = TEXT, **files: str) -> System:
    for name, content in {"summarize": SUMMARIZE, "extract": EXTRACT, **files}.items():
        (folder / f"{name}.md").write_text(content)
    return read(text.encode(), file="headworks.yaml", folder=folder, env={}, machine=FakeMachine()).system


def body(name: str, **fields: object) -> bytes:
    return msgspec.json.encode({"model": f"prompt/{name}", "messages": [], **fields})


def records(folder: Path) -> list[Record]:
    files = sorted((folder / ".headworks" / "journal").iterdir())
    return [msgspec.json.decode(line, type=Record) for file in files for line in file.read_bytes().splitlines()]


def prompted(name: str, variables: Mapping[str, object] | None = None, *, streamed: bool = False) -> Call:
    fields = {} if variables is None else {"prompt": {"variables": variables}}
    made = body(name, stream=streamed, **fields)
    return msgspec.structs.replace(asked(alias=f"prompt/{name}", streamed=streamed), body=made, arrived_at=now())


def test_a_prompt_answers_under_its_name_and_its_version_is_on_the_record(tmp_path: Path) -> None:
    made = system(tmp_path)

    async def run() -> None:
        gateway = Gateway(made, tmp_path, seed=1)
        gateway.ring.is_read = True  # as a start does
        assert gateway.aliases(None) == ["assistant", "prompt/summarize", "prompt/extract"]
        assert (await ask(gateway.front, prompted("summarize", {"text": "a b c"}))).text
        with pytest.raises(Unprocessable):
            await ask(gateway.front, prompted("summarize"))
        await gateway.stop()

    asyncio.run(run())
    whole, refused = records(tmp_path)
    version = made.prompts["summarize"].file.version
    assert (whole.model, whole.prompt, whole.status) == ("prompt/summarize", f"summarize@{version}", 200)
    assert (refused.prompt, refused.status, refused.outcome) == (whole.prompt, 422, "refused")
    assert refused.attempts == []


@pytest.mark.parametrize("streamed", [False, True])
def test_an_output_schema_is_kept_by_a_vendor_that_knows_it(tmp_path: Path, streamed: bool) -> None:
    made = system(tmp_path)

    async def run() -> str:
        gateway = Gateway(made, tmp_path, seed=1)
        gateway.ring.is_read = True  # as a start does
        text = (await ask(gateway.front, prompted("extract", streamed=streamed))).text
        await gateway.stop()
        return text

    assert set(msgspec.json.decode(asyncio.run(run()))) == {"city"}


def test_a_reload_takes_a_changed_file_and_refuses_a_broken_one(tmp_path: Path) -> None:
    before = system(tmp_path)

    async def run() -> None:
        gateway = Gateway(before, tmp_path, seed=1)
        gateway.ring.is_read = True  # as a start does
        await gateway.reload(system(tmp_path, summarize=SUMMARIZE.replace("short", "brief")))
        assert gateway.system.digest != before.digest
        stack = gateway.stack
        with pytest.raises(ConfigError) as raised:
            await gateway.reload(system(tmp_path, summarize=SUMMARIZE.replace("{{ text }}", "{{ txet }}")))
        assert [(one.file, one.line) for one in raised.value.problems] == [(str(tmp_path / "summarize.md"), 7)]
        assert gateway.stack is stack
        await gateway.stop()

    asyncio.run(run())


def test_a_key_for_a_prompt_opens_nothing_else(tmp_path: Path) -> None:
    keys = "keys: {web: {key: web-secret-0123456789, models: [prompt/summarize]}}\n"
    made = system(tmp_path, TEXT + keys)

    async def run() -> None:
        gateway = Gateway(made, tmp_path, seed=1)
        gateway.ring.is_read = True  # as a start does
        assert gateway.aliases("web-secret-0123456789") == ["prompt/summarize"]
        with pytest.raises(Unauthenticated):
            gateway.aliases(None)
        await gateway.stop()

    asyncio.run(run())


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> SimpleNamespace:
        raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")

    monkeypatch.setattr(prompting, "import_module", missing)
    with pytest.raises(ConfigError, match=re.escape(install("eval"))):
        prompting.prompts_of(system(tmp_path), tmp_path)


def test_a_large_prompt_is_answered_and_leaves_no_process(tmp_path: Path) -> None:
    async def run() -> None:
        gateway = Gateway(system(tmp_path), tmp_path, seed=1)
        await gateway.start()
        try:
            assert (await ask(gateway.front, prompted("summarize", {"text": "word " * 20_000}))).text
            with pytest.raises(Unprocessable) as caught:
                await ask(gateway.front, prompted("summarize", {"text": "word", "more": ["x"] * 20_000}))
            assert caught.value.param == "prompt.variables.more"
            process = gateway.render_process.process
            assert process is not None
        finally:
            await gateway.stop()
        assert process.returncode is not None

    asyncio.run(run())
