"""`headworks schema`: the JSON Schema of the system file."""

from __future__ import annotations

import json

import click

from headworks.system.reference.json_schema import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the system file.

    Editors use it to complete keys and to underline mistakes. Save it as headworks.schema.json, and begin the system file
    with `# yaml-language-server: $schema=headworks.schema.json`.
    """
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
