"""The leaves of the stack: one per provider, with its connection pool, child process or simulation."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from headworks.core.errors import ConfigError, Problem
from headworks.core.service import Service
from headworks.credentials.credential import Credential
from headworks.gateway.provider_credentials import CredentialFactory, credential_of
from headworks.http.buffered import Buffered
from headworks.http.client import Client
from headworks.http.dial import Origin, trust
from headworks.http.proxy import Proxy
from headworks.providers.local.process import LocalProcess
from headworks.providers.local.provider import Local
from headworks.providers.local.shared_process import SharedProcess
from headworks.providers.remote import BEARER, Remote, account_headers
from headworks.providers.simulated.answer_text import Percentiles
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.providers.translating import Translating
from headworks.system.derived.secret_values import secrets_sent_to
from headworks.system.schema import system as schema
from headworks.wire.anthropic.vendor import ANTHROPIC
from headworks.wire.bedrock.vendor import BEDROCK, bedrock
from headworks.wire.gemini.dialect import GEMINI
from headworks.wire.openai.azure import azure_at
from headworks.wire.openai.compatible import openai_at
from headworks.wire.openai.dialect import OPENAI, SIDES, USUAL
from headworks.wire.openai.passed.vendor import VENDORS
from headworks.wire.presets import preset_of
from headworks.wire.sides import VendorDialect

DIALECTS: Final[Mapping[str, VendorDialect]] = MappingProxyType(
    {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI, "vertex": GEMINI, "azure": OPENAI, "bedrock": BEDROCK}
)
"""What a provider's `dialect:` in the system file stands for, where it is asked over HTTP. A dialect that is added gets its
entry here."""

KEY_HEADERS: Final[Mapping[str, bytes]] = MappingProxyType(
    {"anthropic": b"x-api-key", "gemini": b"x-goog-api-key", "azure": b"api-key"}
)
"""In which header a vendor wants our key, by the same words; the others take it as `Authorization: Bearer`."""

OURS: Final = MappingProxyType({name: side for name, side in OPENAI.items() if name not in VENDORS})
"""What our own child and our simulated vendors speak (`providers/local/`, `providers/simulated/`)."""

SPOKEN_AS: Final[Mapping[str, str]] = MappingProxyType(
    {word: word for word in DIALECTS} | {"vertex": "gemini", "azure": "openai"}
)
"""By a provider's `dialect:`, the word of the vendor's own form of it: without a project, deployments or credentials of a cloud."""

LeafFactory = Callable[[str], Service]
"""Gives the service for one of a provider's models."""


class ClientFactory(Protocol):
    """Makes the connections to a provider."""

    def __call__(
        self, origin: Origin, *, context: ssl.SSLContext | None, proxy: Proxy | None, buffered: Buffered | None
    ) -> Client: ...


class Leaves:
    """Every provider of a system, ready to be asked.

    Those of `before` whose part of the system file is the same, secrets included, are taken over with their connections
    and children: a model that has been loaded stays loaded. models: local providers whose child is another process's, with
    its socket.
    """

    def __init__(
        self,
        system: schema.System,
        folder: Path,
        *,
        seed: int,
        before: Leaves | None = None,
        models: Mapping[str, str] | None = None,
        buffered: Buffered | None = None,
        dialects: Mapping[str, VendorDialect] = DIALECTS,
        credentials: CredentialFactory = credential_of,
        clients: ClientFactory = Client,
    ) -> None:
        self.dialects = dialects
        self._client = clients
        self._credential_of = credentials
        self.providers = system.providers
        self.folder = folder
        self.seed = seed
        self.models = models or {}
        self.buffered = buffered
        self.clients: dict[str, Client] = {}
        self.children: dict[str, LocalProcess] = {}
        self.credentials: dict[str, Credential] = {}
        self._factories: dict[str, LeafFactory] = {}
        self._made: dict[tuple[str, str], Service] = {}
        self._taken_over: set[str] = set()
        for name, provider in system.providers.items():
            if (
                before is not None
                and before.providers.get(name) == provider
                and before.models.get(name) == self.models.get(name)
            ):
                self._take_over(name, before)
            else:
                self._factories[name] = self._provider(name, provider)

    def leaf(self, provider: str, model: str) -> Service:
        """The one leaf for a provider's model: aliases that name the same share it."""
        key = (provider, model)
        if key not in self._made:
            self._made[key] = self._factories[provider](model)
        return self._made[key]

    def remotes(self) -> Mapping[str, Remote]:
        """The targets that are asked over HTTP, as far as anybody has asked for them."""
        return {f"{one[0]}/{one[1]}": made for one, made in self._made.items() if isinstance(made, Remote)}

    async def start(self) -> None:
        """Starts the child processes that do not run yet; does not wait until their models are loaded."""
        for credential in self.credentials.values():
            credential.start()
        for name, child in self.children.items():
            if name not in self._taken_over:
                await child.start()

    async def close(self, others: Sequence[Leaves] = ()) -> None:
        """Closes every connection and ends every child that none of the others has."""
        clients = [client for other in others for client in other.clients.values()]
        children = [child for other in others for child in other.children.values()]
        ends: list[Awaitable[None]] = [child.stop() for child in self.children.values() if child not in children]
        ends += [client.close() for client in self.clients.values() if client not in clients]
        credentials = [one for other in others for one in other.credentials.values()]
        ends += [one.close() for one in self.credentials.values() if one not in credentials]
        await asyncio.gather(*ends)

    def _take_over(self, name: str, before: Leaves) -> None:
        self._taken_over.add(name)
        self._factories[name] = before._factories[name]
        self._made.update({key: service for key, service in before._made.items() if key[0] == name})
        if name in before.clients:
            self.clients[name] = before.clients[name]
        if name in before.children:
            self.children[name] = before.children[name]
        if name in before.credentials:
            self.credentials[name] = before.credentials[name]

    def _provider(self, name: str, provider: schema.Provider) -> LeafFactory:
        if isinstance(provider, schema.OpenAI):
            return self._remote(name, provider)
        if isinstance(provider, schema.Local):
            return self._local(name, provider)
        return self._simulated(name, provider)

    def _remote(self, name: str, provider: schema.OpenAI) -> LeafFactory:
        origin = Origin.parse(provider.base_url)
        proxy = Proxy.parse(provider.proxy.reveal()) if provider.proxy is not None else None
        context = self._tls(name, provider, origin)
        client = self.clients[name] = self._client(origin, context=context, proxy=proxy, buffered=self.buffered)
        key = provider.api_key.reveal() if provider.api_key is not None else None
        extra = {header: value.reveal() for header, value in provider.headers.items()}
        word = str(provider.__struct_config__.tag)
        key_header = KEY_HEADERS.get(word, BEARER)
        account = account_headers(key, extra, secrets_sent_to(provider), key_header=key_header)
        spoken = self.dialects["openai" if word in schema.PRESETS else word]
        dialect = openai_at(preset_of(word, provider.base_url), provider.apis) if spoken is OPENAI else spoken
        if isinstance(provider, schema.Azure):
            dialect = azure_at(provider.base_url, provider.apis)
        if isinstance(provider, schema.Bedrock) and provider.guardrail is not None:
            dialect = bedrock(guardrail_config(provider.guardrail))
        forward = frozenset(header.lower().encode() for header in provider.forward_headers)
        credential = None
        if provider.credential is not None:
            credential = self.credentials[name] = self._credential_of(name, provider, self.folder)
        return lambda model: Remote(
            client, dialect, model, account, forward=forward, target=f"{name}/{model}", credential=credential
        )

    def _tls(self, name: str, provider: schema.OpenAI, origin: Origin) -> ssl.SSLContext | None:
        if not origin.tls:
            return None
        try:
            return trust(str(self.folder / provider.ca_file) if provider.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                [
                    Problem(
                        path=f"providers.{name}.ca_file",
                        problem=f"the certificates cannot be read: {error}",
                        remedy="name a PEM file, relative to the system file's folder",
                    )
                ]
            ) from error

    def _local(self, name: str, provider: schema.Local) -> LeafFactory:
        if (path := self.models.get(name)) is not None:
            elsewhere = SharedProcess(path)
            origin = msgspec.structs.replace(elsewhere.origin, base=b"/v1")
            asked = self.clients[name] = Client(origin, buffered=self.buffered)
            return lambda model: Local(
                Remote(asked, OURS, model, account_headers(None, {}), target=f"{name}/{model}"), elsewhere
            )
        child = self.children[name] = local_process(provider, self.folder)
        client = self.clients[name] = Client(msgspec.structs.replace(child.origin, base=b"/v1"), buffered=self.buffered)
        account = account_headers(None, {})
        return lambda model: Local(Remote(client, OURS, model, account, target=f"{name}/{model}"), child)

    def _simulated(self, name: str, provider: schema.Simulated) -> LeafFactory:
        output = provider.output_tokens
        vendor = VendorSettings(
            first_token=Percentiles(p50=provider.first_token.p50, p99=provider.first_token.p99),
            per_token=Percentiles(p50=provider.per_token.p50, p99=provider.per_token.p99),
            output_tokens=None if output is None else Percentiles.through_95(output.p50, output.p95),
            faults=dict(provider.faults),
            seed=provider.seed,
            rpm=provider.rpm,
            tpm=provider.tpm,
            prompt_cache=provider.prompt_cache,
        )
        desk = VendorState(name, vendor)
        return lambda model: Translating(Simulated(desk, model), OURS, model)


def spoken_by(provider: schema.Provider) -> tuple[str, list[str]]:
    """What whoever stands in this provider's place has to speak: the word for its dialect, and `apis` where they are not those of
    every vendor of OpenAI's."""
    word = str(provider.__struct_config__.tag)
    if not isinstance(provider, schema.OpenAI) or SPOKEN_AS.get(word, "openai") != "openai":
        return SPOKEN_AS.get(word, "openai"), []
    if isinstance(provider, schema.Azure):
        spoken = azure_at(provider.base_url)
    else:
        spoken = openai_at(preset_of(word, provider.base_url), provider.apis)
    apis = [api for api, sides in SIDES.items() if not set(sides).isdisjoint(spoken)]
    return "openai", [] if apis == list(USUAL) else apis


def is_keyed(dialect: str) -> bool:
    """Whether this dialect is not spoken without a key."""
    return dialect != "openai"


def guardrail_config(written: schema.Guardrail) -> dict[str, str]:
    """A guardrail as each call names it."""
    return {"guardrailIdentifier": written.id, "guardrailVersion": written.version, "trace": written.trace}


def local_process(provider: schema.Local, folder: Path) -> LocalProcess:
    """The child of a local provider, not started."""
    model = str(folder / provider.model) if provider.is_file else provider.model
    return LocalProcess(model, slots=provider.concurrency)


def local_processes(
    system: schema.System, folder: Path, before: tuple[schema.System, Mapping[str, LocalProcess]] | None = None
) -> dict[str, LocalProcess]:
    """The children of a system's local providers; those that are written as before are those of before."""
    found: dict[str, LocalProcess] = {}
    for name, provider in system.providers.items():
        if isinstance(provider, schema.Local):
            if before is not None and name in before[1] and before[0].providers[name] == provider:
                found[name] = before[1][name]
            else:
                found[name] = local_process(provider, folder)
    return found
