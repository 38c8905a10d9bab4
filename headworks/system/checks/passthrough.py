"""What must hold of `passthrough`: which paths may pass to a provider, and which providers have them."""

from __future__ import annotations

from typing import Final

from headworks.system.schema.system import PRESETS, Azure, OpenAI, System
from headworks.system.syntax.findings import Findings, KeyPath, suggestion
from headworks.system.syntax.scalars import shown

SERVED: Final = frozenset(
    {
        *("chat", "completions", "embeddings", "responses", "messages", "models", "images", "audio", "moderations"),
        *("rerank",),
    }
)
"""First parts of paths that are served by a model's name."""


def check_passthrough(system: System, findings: Findings) -> None:
    declared = findings.names_in(("providers",))
    for word, name in system.passthrough.items():
        at: KeyPath = ("passthrough", word)
        if word in SERVED or word.strip(".") != word:
            problem = f"/v1/{word} is served by the model that a call names" if word in SERVED else "this is no path"
            findings.error(at, problem, "name another path, such as files or batches", findings.names.get(at))
        if not findings.is_valid(at) or not declared:
            continue
        provider = system.providers.get(name)
        if name not in declared:
            findings.error(at, f"there is no provider {shown(name)}", suggestion(name, declared, "providers"))
        elif provider is not None and not is_of_openai(provider):
            dialect = provider.__struct_config__.tag
            problem = f"{shown(name)} speaks another dialect (`{dialect}`), which has no such paths"
            findings.error(at, problem, "name a provider of OpenAI's dialect, or Azure")


def is_of_openai(provider: object) -> bool:
    """Whether a provider has the paths of OpenAI's API."""
    return type(provider) in (OpenAI, Azure, *PRESETS.values())
