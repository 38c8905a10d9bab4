"""`headworks init`: from nothing, or from a prompt in a text file, to a system file."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click
import msgspec

from headworks.cli.init_prompt import read_prompt
from headworks.core.errors import ConfigError
from headworks.gateway.prices import Prices
from headworks.gateway.prompting import prompts_of
from headworks.system.checks.machine import Machine
from headworks.system.drafts.prompt import Prompt
from headworks.system.drafts.suite import SuiteSource, suite_draft
from headworks.system.drafts.system import ALIAS, SUITE, VENDORS, TargetChoice, choose_target, compare_vendors, draft
from headworks.system.load import parse
from headworks.system.schema.secrets import Sources
from headworks.system.schema.system import System
from headworks.system.syntax.findings import Findings, suggestion
from headworks.system.syntax.scalars import shown

SHORT_PROMPT = 600
"""Characters of a prompt that still fit into a command to copy."""


@click.command("init")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A text file with your prompt, with or without `{{ variables }}`. Its length gives the first estimates; rules that it "
    "states become the first scorers.",
)
@click.option(
    "--vendors",
    metavar="NAME,NAME",
    help=f"Compare these vendors: all of them are written, and `headworks plan --search` says which to build. Known: {', '.join(vendor.word for vendor in VENDORS)}.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.argument("file", default="headworks.yaml", type=click.Path(dir_okay=False, path_type=Path))
def command(source: Path | None, vendors: str | None, force: bool, file: Path) -> None:
    """Write a first system file, with comments, for you to edit.

    FILE is the system file (headworks.yaml by default). It has one model, `assistant`. The first vendor whose key is in the
    environment answers it (OPENAI_API_KEY, TOGETHER_API_KEY, MISTRAL_API_KEY, GROQ_API_KEY, ...; docs/vendors.md lists them),
    else the embedded model does. Further vendors whose keys are there are written as comments. With --vendors the file has
    several, and `choices:` for `headworks plan --search`. Nothing is sent.
    """
    notes: list[str] = []
    prompt = None if source is None else read_prompt(source, file.parent, notes)
    machine = SuiteExpected(file.parent)
    choice = choose_target(os.environ, machine) if vendors is None else compared(vendors)
    system = parsed_draft(draft(choice, prompt, None), file, machine, prompt)
    target = system.models[ALIAS].targets[0][0]
    price = Prices(system).of(system.models[ALIAS], target)
    text = draft(choice, prompt, price)
    prompts_of(parsed_draft(text, file, machine, prompt), file.parent)
    if prompt is not None and choice.reads and prompt.tokens > choice.reads:
        notes.append(
            f"{prompt.file} has about {prompt.tokens} tokens, but {target} reads only {choice.reads}: its objectives cannot hold. "
            "Shorten the prompt, or use a vendor's model."
        )
    written = {} if prompt is None or source is None else files_beside(source, prompt, choice, file.parent)
    if file.exists() and not force:
        raise already_exists(file)
    for path in written:
        if path.exists() and not force:
            what = "suite" if path == file.parent / SUITE else "prompt"
            remedy = f"write the system file into another folder, or use --force to overwrite the {what}"
            raise click.ClickException(f"{path} already exists: {remedy}")
    for path, content in written.items():
        write(path, content, force=force)
    write(file, text, force=force)
    click.echo(f"Wrote {file}: {ALIAS} is answered by {target} ({choice.why}).")
    if prompt is not None:
        if prompt.program is not None and prompt.program.file:
            click.echo(f"Wrote {file.parent / prompt.program.path}: {prompt.file} with the types of its variables.")
        click.echo(f"Wrote {file.parent / SUITE}: first questions; the expected answers are still empty.")
    for note in notes:
        click.echo(note)
    click.echo(next_steps(file, choice, prompt, str(system.server.listen)))


def compared(vendors: str) -> TargetChoice:
    """The vendors that an option names. Raises click.UsageError."""
    names = list(dict.fromkeys(name.strip() for name in vendors.split(",")))
    known = [vendor.word for vendor in VENDORS]
    for name in names:
        if name not in known:
            raise click.UsageError(
                f"--vendors: {shown(name)} is not known here\n    {suggestion(name, known, 'vendors')}"
            )
    if len(names) < 2:
        raise click.UsageError("--vendors compares vendors: name two or more, such as openai,groq,mistral")
    return compare_vendors(names)


def files_beside(source: Path, prompt: Prompt, choice: TargetChoice, folder: Path) -> dict[Path, str]:
    """Files written beside the system file: the suite, and the prompt where its source needs additions."""
    drafted = SuiteSource(
        source=source,
        suite=folder / SUITE,
        command=f"headworks init --from {prompt.file}",
        parameters=choice.parameters,
    )
    found = {folder / SUITE: suite_draft(prompt, drafted)}
    if prompt.program is not None and prompt.program.file:
        found[folder / prompt.program.path] = prompt.program.file
    return found


class SuiteExpected(Machine):
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
        raise already_exists(path) from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error


def already_exists(path: Path) -> click.ClickException:
    return click.ClickException(f"{path} already exists: name another file, or use --force to overwrite it")


class DraftSources(Sources):
    """Files and variables as they will be: a prompt that is about to be written is there already."""

    def __init__(self, folder: Path, prompt: Prompt | None) -> None:
        keys = {vendor.keys[0]: f"not set yet: {vendor.keys[0]}" for vendor in VENDORS}
        super().__init__({**keys, **os.environ}, folder)
        self.program = None if prompt is None else prompt.program

    def text(self, path: str, most: int) -> str:
        if self.program is None or path != self.program.path:
            return super().text(path, most)
        # The folder may not be there yet, and then nothing can be found above it.
        return self.program.file or super().text(os.path.abspath(self.folder / path), most)


def parsed_draft(text: str, file: Path, machine: Machine, prompt: Prompt | None) -> System:
    """Parses a draft before it is written. Raises ConfigError where it has errors."""
    findings = Findings(str(file))
    system = parse(text.encode(), findings, DraftSources(file.parent, prompt), machine)
    if system is None:
        raise ConfigError(findings.errors)
    return system


def next_steps(file: Path, choice: TargetChoice, prompt: Prompt | None, address: str) -> str:
    """The next steps, as commands to copy."""
    named = "" if str(file) == "headworks.yaml" else f" {shlex.quote(str(file))}"
    program = None if prompt is None else prompt.program
    system = [{"role": "system", "content": prompt.text}] if prompt is not None and program is None else []
    messages = [*system, {"role": "user", "content": "Hello!"}]
    body: dict[str, Any] = {"model": ALIAS, "messages": messages}
    if program is not None:
        asked = {program.asks: "Hello!"} if program.asks else {}
        said = [] if program.asks else [{"role": "user", "content": "Hello!"}]
        variables = {**program.values, **asked}
        body = {"model": f"prompt/{program.name}", "messages": said, "prompt": {"variables": variables}}
    if choice.compared:
        quality = [f"  5. write expected answers in {SUITE}, then              headworks eval{named} --targets all"]
        return "\n".join([*comparing_steps(file, named), *(quality if prompt is not None else [])])
    lines = [
        "Next:",
        f"  1. put your own numbers under `requirements:`, then   headworks check{named}",
        f"  2. serve it                                           headworks up{named}",
    ]
    if prompt is None or program is not None or len(prompt.text) <= SHORT_PROMPT:
        lines += [
            "  3. call it, with curl or any OpenAI SDK",
            f"     curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\",
            f"       -d {shlex.quote(msgspec.json.encode(body).decode())}",
        ]
    else:
        lines += [
            "  3. call it, with any OpenAI SDK",
            f"     client = openai.OpenAI(base_url='http://{address}/v1', api_key='none')",
            f"     messages = [{{'role': 'system', 'content': open({prompt.file!r}).read()}}, {{'role': 'user', 'content': 'Hello!'}}]",
            f"     print(client.chat.completions.create(model={ALIAS!r}, messages=messages).choices[0].message.content)",
        ]
    if prompt is not None:
        lines.append(f"  4. write expected answers in {SUITE}, then headworks eval{named}")
    if prompt is None:
        lines.append(
            "To compare vendors, with what each system would cost: headworks init --vendors openai,groq,mistral"
        )
    if prompt is not None and program is None:
        lines.append(
            f"{prompt.file} is not part of the system file: callers send it. (`prompts:` can hold it: docs/prompts.md.)"
        )
    return "\n".join(lines)


def comparing_steps(file: Path, named: str) -> list[str]:
    """The next steps where vendors are compared. named: the file as an argument."""
    return [
        "Next:",
        f"  1. put your own numbers under `requirements:`, then   headworks plan --search{named}",
        "     It says which of these systems to build. It needs no key, and takes about a minute.",
        f"  2. put the one that you choose into the file          headworks plan --search --apply 1{named} | patch {shlex.quote(str(file))}",
        f"  3. export the vendors' keys, then                     headworks check{named}",
        f"  4. serve it                                           headworks up{named}",
    ]
