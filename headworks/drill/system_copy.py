"""The copy of a system for drills: the user's file with its vendors, its ports and its ledger replaced.

Theory. The copy is made of the file's text, not of what was read from it: whatever an alias says (timeouts, retries,
what to do in mid-stream) is said again word for word, also what a later version of the file may say. Replaced are the
providers (each becomes a vendor of the same dialect at an address of the drill's), the ports and the ledger; left out
is what is about callers and about other commands: keys, groups, budgets, objectives, suites; and targets that do not meet
the constraints, because no call reaches them.

Always true: no secret of the user is looked up, no address of a vendor is in the copy, and nothing of the user's folder
but the system file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from headworks.core.digest import digest
from headworks.core.errors import ConfigError, Problem
from headworks.gateway.assemble import Shared, capability
from headworks.gateway.leaves import is_keyed, spoken_by
from headworks.policy.capability import Capability
from headworks.system.checks.machine import FullyInstalled
from headworks.system.checks.system import check, targets_of
from headworks.system.load import read, with_model_names
from headworks.system.reader import Reader
from headworks.system.schema.secrets import LITERAL, PrivateUrl, Secret, Sources
from headworks.system.schema.system import Local, System, TargetOf
from headworks.system.starter import DEFAULT_FILE, STARTER_NAME, starter_text
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import (
    MOST_BYTES,
    Entry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    compose,
    text_at,
)
from headworks.system.verdicts.constraints import check_served, permitted
from headworks.wire.client_apis import CLIENT_APIS

IGNORED_KEYS: Final = frozenset({"keys", "groups", "prompts", "suites", "log", "state", "release"})
"""Top-level keys that a drill does not read: keys of callers, settings of other commands, places of files."""

REPLACED_KEYS: Final = frozenset({"providers", "requirements", "server", "drills"})
"""Keys of the top that the copy has otherwise, or not."""

PORT_KEYS: Final = frozenset({"listen", "admin", "admin_key", "tls", "workers"})
"""Keys of `server` that the copy has itself, or not: they are not even read, for what must hold between them and what a drill
leaves out (several workers need a shared state, an open port needs keys) need not hold of the copy."""

PRICE: Final = {"input": "$1/M", "output": "$4/M"}
"""The price of every target whose alias names none: a drill only compares costs."""


UNUSED_URL: Final = "http://127.0.0.1:3/v1"
"""An address for virtual time, where no connection is made."""

FAKE_KEY: Final = "no-key-of-anybody"
"""What a fake vendor is sent as a key, where its dialect cannot be spoken without one."""

JOURNAL: Final = "journal"
STORE: Final = "store.db"


class PlaceholderSecrets(Sources):
    """Every secret is there, and none is looked up."""

    def resolve(self, text: str) -> Secret:
        return Secret(f"stand-in-{digest(text.encode())}", LITERAL)

    def url(self, text: str) -> PrivateUrl:
        return PrivateUrl("http://stand-in:1")


class DrilledSystem(msgspec.Struct, frozen=True, kw_only=True):
    """The system that a drill copies: as its file has it, and as it was read. `name`: what messages call the file.
    differences: settings of the file that the copy does not have, in words; differences that every copy has are left out."""

    name: str
    root: Any
    system: System
    differences: tuple[str, ...] = ()

    @property
    def targets(self) -> dict[str, list[str]]:
        """The targets of each alias, as `provider/model`."""
        return targets_of(self.system)

    def alias(self, asked: str | None) -> str:
        """The alias that is called: the one that was asked for, else the first whose first tier is a vendor's and that
        has somebody to fall back on, else the first of a vendor, else the first. A model in a child process is no vendor."""
        if asked is not None:
            return asked

        def rank(alias: str) -> int:
            tiers = self.system.models[alias].targets
            is_vendor = not any(isinstance(self.system.providers[one.provider], Local) for one in tiers[0])
            return 2 * is_vendor + (sum(map(len, tiers)) > 1)

        return max(self.system.models, key=rank)

    def first_tier(self, alias: str) -> list[str]:
        return [str(one) for one in self.system.models[alias].targets[0]]


def load_system(file: Path | None) -> DrilledSystem:
    """The system of this file; where none is named that of headworks.yaml here, else the starter. Raises ConfigError."""
    chosen = file or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if chosen is None:
        return parse_system(starter_text().encode(), STARTER_NAME, Path())
    try:
        with chosen.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        problem = Problem(
            file=str(chosen),
            problem=f"the system file cannot be read: {error.strerror or error}",
            remedy="name a file, or run without one to drill the starter system",
        )
        raise ConfigError([problem]) from error
    return parse_system(content, str(chosen), chosen.parent)


def parse_system(content: bytes, name: str, folder: Path) -> DrilledSystem:
    """The system in these bytes. Raises ConfigError with all problems of the parts that a drill uses."""
    findings = Findings(name)
    root = compose(content, findings)
    differences: tuple[str, ...] = ()
    if isinstance(root, MappingNode):
        differences = tuple(differences_of(root))
        root = without(root, IGNORED_KEYS)
        if (required := root.entries.get("requirements")) is not None and isinstance(required.node, MappingNode):
            kept = {key: entry for key, entry in required.node.entries.items() if key == "constraints"}
            root.entries["requirements"] = Entry(required.name_place, MappingNode(kept, required.node.place))
        if (server := root.entries.get("server")) is not None and isinstance(server.node, MappingNode):
            root.entries["server"] = Entry(server.name_place, without(server.node, PORT_KEYS))
    system = None if root is None else Reader(findings, PlaceholderSecrets({}, folder)).system(root)
    if system is not None:
        system = with_model_names(system)
        check(system, findings, FullyInstalled(folder))
    if root is None or system is None or findings.errors:
        raise ConfigError(findings.errors)
    check_served(system)
    return DrilledSystem(name=name, root=plain(root), system=permitted(system), differences=differences)


def without(table: MappingNode, names: frozenset[str]) -> MappingNode:
    return MappingNode({key: entry for key, entry in table.entries.items() if key not in names}, table.place)


def differences_of(root: MappingNode) -> Iterator[str]:
    """Settings of a production file that the copy does not have, in words and without secrets."""
    workers = text_at(root, "server", "workers")
    if workers not in (None, "1"):
        yield f"one worker (the file has {workers})"
    state = text_at(root, "state")
    if state not in (None, "memory"):
        yield f"state in memory (the file has `{kind(state)}`)"
    store = text_at(root, "log", "store")
    if store is not None and not store.startswith("sqlite:"):
        yield f"ledger in SQLite (the file has `{kind(store)}`)"


def kind(url: str) -> str:
    """A URL's scheme: the rest may have a password in it."""
    scheme, mark, _ = url.partition("://")
    return f"{scheme}://..." if mark else url


def plain(node: Node) -> Any:
    """A tree of nodes as lists and maps of texts."""
    match node:
        case ScalarNode():
            return node.text
        case SequenceNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {name: plain(entry.node) for name, entry in node.entries.items()}


class CopyAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a copy runs. urls: the base URL of each provider; `ca_file` is trusted by those of https."""

    urls: Mapping[str, str]
    listen: str = "127.0.0.1:1"
    admin: str = "127.0.0.1:2"
    ca_file: str | None = None


def copied_file(drilled: DrilledSystem, addresses: CopyAddresses) -> bytes:
    """The copy's system file: JSON, which is YAML too."""
    made = {name: value for name, value in drilled.root.items() if name not in REPLACED_KEYS}
    made["server"] = {**drilled.root.get("server", {}), "listen": addresses.listen, "admin": addresses.admin}
    made["log"] = {"journal": JOURNAL, "store": f"sqlite:///{STORE}"}
    made["providers"] = {name: _provider(drilled, name, addresses) for name in drilled.system.providers}
    made["models"] = {alias: _model(drilled, alias) for alias in drilled.system.models}
    return msgspec.json.encode(made)


def copied_system(drilled: DrilledSystem) -> System:
    """The copy as it is read, its vendors nowhere. Raises ConfigError where this version cannot copy the file."""
    content = copied_file(drilled, CopyAddresses(urls=dict.fromkeys(drilled.system.providers, UNUSED_URL)))
    return read(content, file=f"the copy of {drilled.name}", folder=Path(), env={}).system


def resumes(drilled: DrilledSystem, alias: str, dialect: str = "chat") -> bool:
    """Whether a stream of this alias that broke after its head is to be made whole, for callers of this API."""
    if CLIENT_APIS[dialect].caller.splice is None:
        return False
    return getattr(drilled.system.models[alias], "mid_stream", "error") != "error"


def _provider(drilled: DrilledSystem, name: str, addresses: CopyAddresses) -> dict[str, Any]:
    provider = drilled.system.providers[name]
    dialect, apis = spoken_by(provider)
    made: dict[str, Any] = {"dialect": dialect, "base_url": addresses.urls[name]}
    if apis:
        made["apis"] = apis
    if is_keyed(dialect):
        made["api_key"] = FAKE_KEY
    if addresses.urls[name].startswith("https:") and addresses.ca_file is not None:
        made["ca_file"] = addresses.ca_file
    if (slots := provider.concurrency) is not None:
        made["concurrency"] = str(slots)
    return made


def _model(drilled: DrilledSystem, alias: str) -> dict[str, Any]:
    written = drilled.root["models"][alias]
    made = dict(written) if isinstance(written, dict) else {}
    # What is known of a vendor's model is found by the vendor's address, which the copy does not have: it is written out.
    shared = Shared(drilled.system, seed=0)
    made["targets"] = [
        [_target(one, capability(one, shared)) for one in tier] for tier in drilled.system.models[alias].targets
    ]
    made.setdefault("price", PRICE)
    return made


def _target(one: TargetOf, known: Capability) -> dict[str, Any]:
    made: dict[str, Any] = {"provider": one.provider, "model": one.model, "weight": f"{one.weight:.6f}"}
    made["prefill"] = known.prefill
    if known.window:
        made["context_window"] = str(known.window)
    can = dict.fromkeys(sorted(known.lacks), "false") | (
        {"max_output": str(known.max_output)} if known.max_output else {}
    )
    return {**made, "capabilities": can} if can else made
