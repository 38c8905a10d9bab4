"""`headworks init`: from nothing, or from a prompt in a text file, to a system file."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click
import msgspec

from headworks.gateway.prices import Prices
from headworks.system.check import Machine
from headworks.system.draft import ALIAS, SUITE, Choice, Prompt, chosen, draft
from headworks.system.load import Loaded, read
from headworks.system.suite_draft import suite_draft

MOST_PROMPT = 1_000_000
"""Bytes of a prompt: more than any model reads."""

SHORT = 600
"""Characters of a prompt that still fit into a command to copy."""


@click.command("init")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A prompt in a text file: its length is the first estimate, and it is in the example call.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.argument("file", default="headworks.yaml", type=click.Path(dir_okay=False, path_type=Path))
def command(source: Path | None, force: bool, file: Path) -> None:
    """Write a commented system file, to be changed by you.

    FILE is the system file (headworks.yaml by default). It has one model, `assistant`, answered by the first vendor whose
    key is in the environment (OPENAI_API_KEY, TOGETHER_API_KEY, MISTRAL_API_KEY, GROQ_API_KEY, DEEPSEEK_API_KEY,
    OPENROUTER_API_KEY), else by the embedded model. Nothing is sent.
    """
    prompt = None if source is None else read_prompt(source)
    machine = Expecting(file.parent)
    choice = chosen(os.environ, machine)
    loaded = checked(draft(choice, prompt, None), file, machine)
    [[target]] = loaded.system.models[ALIAS].targets
    price = Prices(loaded.system).of(loaded.system.models[ALIAS], target)
    text = draft(choice, prompt, price)
    checked(text, file, machine)
    suite = file.parent / SUITE
    if prompt is not None and source is not None:
        if file.exists() and not force:
            raise already(file)
        if suite.exists() and not force:
            remedy = "write the system file into another folder, or --force to write over the suite"
            raise click.ClickException(f"{suite} is there already: {remedy}")
        write(suite, suite_draft(source, prompt.text, suite, f"headworks init --from {prompt.file}"), force=force)
    write(file, text, force=force)
    click.echo(f"Wrote {file}: {ALIAS} is answered by {target} ({choice.why}).")
    if prompt is not None:
        click.echo(f"Wrote {suite}: twenty samples to begin with.")
    click.echo(next_steps(file, choice, prompt, str(loaded.system.server.listen)))


class Expecting(Machine):
    """A machine on which the first suite is there already: it is written when all holds."""

    def read(self, path: str, most: int) -> bytes:
        return b"version: 1" if path == SUITE else super().read(path, most)


def write(path: Path, text: str, *, force: bool) -> None:
    """Writes a file that is not there yet, or over one that is. Raises click.ClickException."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise already(path) from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error


def already(path: Path) -> click.ClickException:
    return click.ClickException(f"{path} is there already: name another file, or --force to write over it")


def checked(text: str, file: Path, machine: Machine) -> Loaded:
    """What is about to be written, read as it will be. Raises ConfigError where a key cannot be sent as it is."""
    return read(text.encode(), file=str(file), folder=file.parent, env=os.environ, machine=machine)


def read_prompt(path: Path) -> Prompt:
    """The prompt of a text file. Raises click.ClickException where there is none in it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_PROMPT + 1)
        text = content.decode().strip()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not UTF-8 text") from None
    if not text:
        raise click.ClickException(f"{path} is empty: write your prompt into it")
    if len(content) > MOST_PROMPT:
        raise click.ClickException(f"{path} is longer than a megabyte: is it the right file?")
    return Prompt("".join(one if one.isprintable() else "?" for one in path.name), text)


def next_steps(file: Path, choice: Choice, prompt: Prompt | None, address: str) -> str:
    """What to do now, as commands to copy."""
    named = "" if str(file) == "headworks.yaml" else f" {shlex.quote(str(file))}"
    system = [{"role": "system", "content": prompt.text}] if prompt else []
    messages = [*system, {"role": "user", "content": "Hello!"}]
    lines = [
        "Next:",
        f"  1. put your own numbers under `requirements:`, then   headworks check{named}",
        f"  2. serve it                                           headworks up{named}",
    ]
    if prompt is None or len(prompt.text) <= SHORT:
        body = msgspec.json.encode({"model": ALIAS, "messages": messages}).decode()
        lines += [
            "  3. call it, with curl or any OpenAI SDK",
            f"     curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\",
            f"       -d {shlex.quote(body)}",
        ]
    else:
        lines += [
            "  3. call it, with any OpenAI SDK",
            f"     client = openai.OpenAI(base_url='http://{address}/v1', api_key='none')",
            f"     messages = [{{'role': 'system', 'content': open({prompt.file!r}).read()}}, {{'role': 'user', 'content': 'Hello!'}}]",
            f"     print(client.chat.completions.create(model={ALIAS!r}, messages=messages).choices[0].message.content)",
        ]
    if prompt is not None:
        lines += [
            f"  4. evaluate its answers                               headworks eval{named}",
            f"{prompt.file} itself is not in the system file: callers send it. (`prompts:` can hold it: docs/prompts.md.)",
        ]
    return "\n".join(lines)
