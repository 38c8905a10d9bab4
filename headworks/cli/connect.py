"""`headworks connect`: what to put where, for a client to use this system."""

from __future__ import annotations

import os
from pathlib import Path
from ssl import SSLContext

import click
import msgspec

from headworks.cli.caller_key import api_key
from headworks.cli.client_settings import CLIENTS
from headworks.cli.connect_check import Checked, check
from headworks.cli.exit_codes import FAILS, HOLDS
from headworks.http.dial import trust_only
from headworks.system.derived.same_as import SameAs
from headworks.system.load import Loaded
from headworks.system.schema.system import System
from headworks.system.starter import load_or_starter
from headworks.system.syntax.findings import suggestion

ANY_INTERFACE = ("0.0.0.0", "::")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. settings: what to put where. check: with `--check`, what a call of this client's kind got."""

    client: str
    title: str
    asks: str
    settings: list[dict[str, str]]
    check: Checked | None = None


@click.command("connect")
@click.option(
    "--model", metavar="ALIAS", default=None, help="The model that the client asks for. Default: the first of the file."
)
@click.option(
    "--small", metavar="ALIAS", default=None, help="Its small model, for titles and the like. Default: the same."
)
@click.option("--url", default=None, help="The gateway's address. Default: `server.listen` of the file.")
@click.option("--key", metavar="NAME", default=None, help="The environment variable that holds the API key.")
@click.option(
    "--check",
    "is_checked",
    is_flag=True,
    help="Send the running gateway one call of this client's kind, of at most 16 tokens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.argument("client", required=False)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def command(
    ctx: click.Context,
    /,
    client: str | None,
    file: Path | None,
    model: str | None,
    small: str | None,
    url: str | None,
    key: str | None,
    *,
    is_checked: bool,
    as_json: bool,
) -> None:
    """Show what to put where, for a client to use this system.

    CLIENT is one of those that `headworks connect` lists. FILE is the system file (headworks.yaml by default). No secret is
    printed: `--key NAME` only names the variable that the client's own settings then read.

    Exit codes: 0 shown, and with --check answered; 1 the call was not answered; 3 it could not run.
    """  # fmt: skip
    if client is None:
        if as_json:
            click.echo(msgspec.json.encode({name: one.title for name, one in CLIENTS.items()}).decode())
        else:
            listing()
        ctx.exit(HOLDS)
    settings = CLIENTS.get(client)
    if settings is None:
        raise click.ClickException(f"the client {client} is not known: {suggestion(client, CLIENTS, 'known')}")
    loaded = read(file)
    system, folder = loaded.system, loaded.folder
    chosen = alias(model, system)
    words = {
        "@URL@": (url or reachable(system)).rstrip("/").removesuffix("/v1"),
        "@MODEL@": chosen,
        "@SMALL@": alias(small, system) if small else chosen,
        "@KEY@": f"${key or 'HEADWORKS_KEY'}" if system.keys or key else "none-needed",
    }
    filled = [{"where": one.where, "text": fill(one.text, words)} for one in settings.settings]
    checked = None
    if is_checked:
        own = None if url else certificate(system, folder)
        checked = check(settings.path, words["@URL@"], chosen, api_key(key, system), own)
    shown = Shown(client=client, title=settings.title, asks=settings.path, settings=filled, check=checked)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())
    else:
        show(shown, needs_key=bool(system.keys) and key is None)
    ctx.exit(HOLDS if checked is None or checked.is_answered else FAILS)


def listing() -> None:
    """The clients that are known."""
    click.echo("Name a client, and this shows what to put where: headworks connect CLIENT [FILE]")
    width = max(map(len, CLIENTS))
    for name, one in CLIENTS.items():
        click.echo(f"  {name:<{width}}  {one.title}")
    click.echo("Every other client of OpenAI's, Anthropic's or Gemini's API takes the same address.")


def read(file: Path | None) -> Loaded:
    """The system; secrets of vendors need not resolve for this, but a file that is wrong is said so. Raises ConfigError."""
    return load_or_starter(file, os.environ)


def alias(name: str | None, system: System) -> str:
    """The alias to ask for. Raises click.ClickException."""
    if name is None:
        return next(iter(system.models))
    if SameAs(system.models, system.same_as).alias(name) not in system.models:
        raise click.ClickException(f"there is no model {name}: {suggestion(name, system.models, 'models')}")
    return name


def reachable(system: System) -> str:
    """The gateway's address as a client on this machine would write it."""
    url = system.server.url
    for interface in ANY_INTERFACE:
        url = url.replace(f"//{interface}:", "//127.0.0.1:").replace(f"//[{interface}]:", "//127.0.0.1:")
    return url


def certificate(system: System, folder: Path) -> SSLContext | None:
    tls = system.server.tls
    return None if tls is None else trust_only(str(folder / tls.cert))


def fill(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def show(shown: Shown, *, needs_key: bool) -> None:
    click.echo(f"{shown.title} asks {shown.asks}")
    for setting in shown.settings:
        click.echo(f"\n{click.style(setting['where'], bold=True)}:\n{setting['text']}")
    if needs_key:
        click.echo("\nThis system needs a key: put one into HEADWORKS_KEY (`headworks keys create NAME` makes one).")
    if (found := shown.check) is not None:
        seconds = f"{found.seconds:.1f} s"
        said = (
            f"answered after {seconds}"
            if found.is_answered
            else f"not answered ({found.status or 'no status'}): {found.said}"
        )
        click.echo(f"\n--check: {said}")
