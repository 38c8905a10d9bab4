"""The root of the system file. A policy's struct sits in the policy's file; here they are put together.

Always true: a value of these types is what was written, in seconds, bytes, tokens and parts of one, with every default
filled in; paths are as written and start from the system file's folder. What each key means to its user is said once,
in `reference/markdown.py`. What must hold between keys is checked in `checks/system.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import inspect

from headworks.core.dialect import Prefill
from headworks.core.digest import digest
from headworks.core.key import Allowance, Priority, Spending
from headworks.core.money import Rates
from headworks.core.per import Per
from headworks.core.units import Count, Seconds, Size
from headworks.policy.balancing import Balancing
from headworks.policy.circuit import Breaking, Pause
from headworks.policy.freshness import Caching
from headworks.policy.midstream import MidStream
from headworks.policy.retry import Backoff, Retrying
from headworks.policy.timeouts import Timeouts
from headworks.system.schema.additions import (
    targets_without_additions,
    with_promises_of_0_1,
    without,
    without_additions,
)
from headworks.system.schema.choices import Choices
from headworks.system.schema.credentials import Credential
from headworks.system.schema.drills import Drill
from headworks.system.schema.drills import Fault as Fault  # the faults of a simulated vendor are those of drills
from headworks.system.schema.notations import Address
from headworks.system.schema.prompt_file import PromptFile
from headworks.system.schema.requirements import Bound, Expect, Region, Requirements, Retention, Tokens
from headworks.system.schema.secrets import PrivateUrl, Secret
from headworks.wire.presets import BY_WORD, WORDS
from headworks.wire.prompt_caching import Rules as PromptRules

EMBEDDED = "gemma-3-270m"
"""The model that the extra `local` brings."""

SIMULATED = "simulated"
"""The default model name of a simulated vendor."""

Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1, extra={"unit": "share"})]
Name: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "name"})]
Alias: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "alias"})]
Called: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "called"})]
FilePath: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "path"})]
Url: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "url"})]
StateUrl: TypeAlias = Annotated[PrivateUrl, msgspec.Meta(extra={"unit": "state"})]
ProxyUrl: TypeAlias = Annotated[PrivateUrl, msgspec.Meta(extra={"unit": "proxy"})]
StoreUrl: TypeAlias = Annotated[PrivateUrl, msgspec.Meta(extra={"unit": "store"})]
HeaderName: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "header"})]
Source: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "source"})]
Origin: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "origin"})]
LogFormat: TypeAlias = Literal["text", "json"]
Api: TypeAlias = Literal["chat", "responses", "completions", "embeddings"]
OnFilter: TypeAlias = Literal["error", "next"]
Tag: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "tag"})]
Instant: TypeAlias = Annotated[float, msgspec.Meta(extra={"unit": "instant"})]
ApiVersion: TypeAlias = Annotated[str, msgspec.Meta(extra={"unit": "api_version"})]
Weight: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]


class OpenAI(msgspec.Struct, frozen=True, kw_only=True, tag_field="dialect", tag="openai"):
    """A vendor that speaks OpenAI's dialect over HTTP."""

    base_url: Url
    api_key: Secret | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    headers: dict[HeaderName, Secret] = {}
    forward_headers: tuple[HeaderName, ...] = ()
    credential: Credential | None = None
    apis: tuple[Api, ...] = ()
    ca_file: FilePath | None = None
    proxy: ProxyUrl | None = None
    region: tuple[Region, ...] = ()
    retention: Retention | None = None


class Azure(OpenAI, frozen=True, kw_only=True, tag_field="dialect", tag="azure"):
    """Azure OpenAI. A target's model is the name of a deployment."""

    base_url: Url = ""
    resource: Name | None = None
    api_version: ApiVersion | None = None


class Guardrail(msgspec.Struct, frozen=True, kw_only=True):
    """A guardrail of Bedrock that checks every call."""

    id: str
    version: str = "DRAFT"
    trace: Literal["enabled", "disabled", "enabled_full"] = "disabled"


class Bedrock(OpenAI, frozen=True, kw_only=True, tag_field="dialect", tag="bedrock"):
    """Amazon Bedrock by its Converse API."""

    base_url: Url = ""
    guardrail: Guardrail | None = None


def _preset(word: str, base_url: str) -> type[OpenAI]:
    name = word.title().replace("-", "")
    fields = [("base_url", Url, base_url)]
    made: type[OpenAI] = msgspec.defstruct(  # type: ignore[assignment]  # of the base that is named, which it cannot tell
        name, fields, bases=(OpenAI,), module=__name__, frozen=True, kw_only=True, tag_field="dialect", tag=word
    )
    return made


PRESETS: Final[Mapping[str, type[OpenAI]]] = MappingProxyType(
    {word: _preset(word, BY_WORD[word].base_url) for word in WORDS}
)
"""A struct for each vendor that has a word of its own: the keys of `openai`, and the address is known (`wire/presets.py`)."""


def preset_struct(word: str) -> type[OpenAI]:
    """The struct of a vendor's word. It is made at the start and stands under no name, so whoever pickles one of its kind needs this."""
    return PRESETS[word]


class Anthropic(OpenAI, frozen=True, kw_only=True, tag_field="dialect", tag="anthropic"):
    """A vendor that speaks Anthropic's Messages over HTTP."""

    base_url: Url = BY_WORD["anthropic"].base_url


class Gemini(OpenAI, frozen=True, kw_only=True, tag_field="dialect", tag="gemini"):
    """A vendor that speaks Gemini's dialect over HTTP."""

    base_url: Url = "https://generativelanguage.googleapis.com/v1beta"


class Vertex(OpenAI, frozen=True, kw_only=True, tag_field="dialect", tag="vertex"):
    """Gemini's dialect at Google Cloud."""

    base_url: Url = ""
    project: Name | None = None
    location: Name = "global"


class Local(msgspec.Struct, frozen=True, kw_only=True, tag_field="dialect", tag="local"):
    """A model that runs in a child process of the gateway."""

    model: FilePath = EMBEDDED
    concurrency: Count = 4
    region: tuple[Region, ...] = ()
    retention: Retention | None = None

    @property
    def is_file(self) -> bool:
        """Whether `model` is a path and not the name of the embedded model."""
        return "/" in self.model or self.model.endswith(".gguf")

    @property
    def name(self) -> str:
        """The default model name: the file's name without its suffix."""
        return self.model.rsplit("/", 1)[-1].removesuffix(".gguf")


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A time that varies: half are at most `p50` seconds, 99 of 100 at most `p99`."""

    p50: Seconds
    p99: Seconds


class Simulated(msgspec.Struct, frozen=True, kw_only=True, tag_field="dialect", tag="simulated"):
    """A vendor made of numbers: for demos, tests, drills and plans."""

    first_token: Spread = Spread(p50=0.3, p99=2.0)
    per_token: Spread = Spread(p50=0.02, p99=0.06)
    output_tokens: Tokens | None = None
    faults: dict[Fault, Share] = {}
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    seed: int = 0
    prompt_cache: PromptRules | None = None
    region: tuple[Region, ...] = ()
    retention: Retention | None = None


Provider: TypeAlias = OpenAI | Anthropic | Gemini | Vertex | Azure | Bedrock | Local | Simulated


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a target's model can do, where the bundled table does not know it or is wrong."""

    images: bool | None = None
    documents: bool | None = None
    audio: bool | None = None
    tools: bool | None = None
    structured_output: bool | None = None
    thinking: bool | None = None
    max_output: Count | None = None


class TargetOf(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's model, and its part of the tier's load. An empty `model` is filled in while loading."""

    provider: Name
    model: str = ""
    weight: Weight = 1.0
    context_window: Count | None = None
    prefill: Prefill | None = None
    capabilities: Capabilities | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    expect: Expect | None = None

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """An alias and its targets: tiers are tried in order, and the targets of one tier share the load.

    same_as: the alias that a name means; such a name has nothing else, and is not among `System.models` once the file is read.
    """

    targets: tuple[tuple[TargetOf, ...], ...] = ()
    same_as: Alias | None = None
    balance: Balancing = "weighted"
    timeouts: Timeouts = Timeouts()
    retry: Retrying = Retrying()
    breaker: Breaking = Breaking()
    mid_stream: MidStream = "error"
    on_content_filter: OnFilter = "error"
    cache: Caching = Caching()
    coalesce: bool | None = None
    price: Rates | None = None
    max_output: Count | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    session: Source | None = None

    @property
    def coalesces(self) -> bool:
        """Whether equal calls under way share one journey."""
        return self.cache.exact is not None if self.coalesce is None else self.coalesce


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key. Without `models` it may call all of them."""

    key: Secret
    models: tuple[Alias, ...] = ()
    priority: Priority = "normal"
    tags: tuple[Tag, ...] = ()
    expires: Instant | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    budget: Spending | None = None
    per: Per | None = None

    @property
    def allowance(self) -> Allowance:
        return Allowance(
            rpm=self.rpm, tpm=self.tpm, concurrency=self.concurrency, budget=self.budget, per=self.per or None
        )


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that share limits and a budget, beside their own. Keys that are made at run time say which group is theirs."""

    keys: tuple[Name, ...] = ()
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    budget: Spending | None = None
    per: Per | None = None
    state_away: Literal["closed", "open"] = "closed"

    @property
    def allowance(self) -> Allowance:
        return Allowance(
            rpm=self.rpm,
            tpm=self.tpm,
            concurrency=self.concurrency,
            budget=self.budget,
            per=self.per or None,
            fails_open=self.state_away == "open",
        )


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that callers use by its name: the file as it was when the system was loaded, and the alias that answers."""

    file: PromptFile
    model: Alias | None = None

    @property
    def alias(self) -> str:
        """The alias that answers; "" where neither the system file nor the prompt names one."""
        return self.model or self.file.front.model or ""


Exposable: TypeAlias = Literal["target", "cost", "attempts"]


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of the public port, with those between it and its authority, and its key."""

    cert: FilePath
    key: FilePath

    def __str__(self) -> str:
        return f"{{cert: {self.cert}, key: {self.key}}}"


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """The public port and what bounds it, and the admin port."""

    listen: Address = Address(host="127.0.0.1", port=8080)
    admin: Address | None = None
    admin_key: Secret | None = None
    max_body: Size = 10_000_000
    max_buffered: Size = 1_000_000_000
    max_in_flight: Count = 4096
    max_queued: Count = 1024
    max_wait: Seconds = 5.0
    drain: Seconds = 30.0
    cors: tuple[Origin, ...] = ()
    expose: tuple[Exposable, ...] = ()
    keepalive: Seconds | None = None
    workers: Count = 1
    tls: Tls | None = None

    @property
    def url(self) -> str:
        """The public port as an address for clients, without /v1."""
        return f"{'http' if self.tls is None else 'https'}://{self.listen}"


ADMIN: Final = Address(host="127.0.0.1", port=8081)
"""The admin port where the file names none: another gateway may have it already, and then this one goes without."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Where call records go: into the journal at once, and from there into the store."""

    store: StoreUrl = PrivateUrl("sqlite:///.headworks/ledger.db")
    journal: FilePath = ".headworks/journal"
    sync: Seconds = 1.0
    bodies: Literal["none", "full"] = "none"
    retention: Seconds = 30 * 86400.0
    format: LogFormat = "text"


class Responses(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's Responses. store: for how long answers are kept that a later call may go on from; None where none are kept."""

    store: Seconds | None = None


PER_FILE_FOLDER: Final = ".headworks/systems/"
"""The folder of default paths for system files that are not called `headworks.yaml` (`derived/default_paths.py`)."""


class SuiteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A suite of samples, in a file of its own."""

    file: FilePath


DERIVED: Final = "("
"""How the names of fields begin that no file may write: they are made of others while the file is read."""


def written_fields(kind: inspect.StructType) -> list[inspect.Field]:
    """The fields of a struct that a file may write. A vendor of another dialect has none of OpenAI's APIs."""
    is_foreign = issubclass(kind.cls, OpenAI) and kind.cls not in (OpenAI, Azure, *PRESETS.values())
    hidden = "apis" if is_foreign else ""
    return [field for field in kind.fields if not field.encode_name.startswith(DERIVED) and field.encode_name != hidden]


class System(msgspec.Struct, frozen=True, kw_only=True):
    """The system file."""

    version: Literal[1] = 1
    name: str = "headworks"
    requirements: Requirements = Requirements()
    providers: dict[Name, Provider]
    models: dict[Called, Model]
    keys: dict[Name, Key] = {}
    prompts: dict[Name, Prompt] = {}
    groups: dict[Name, Group] = {}
    suites: dict[Name, SuiteFile] = {}
    server: Server = Server()
    state: StateUrl = PrivateUrl("memory")
    log: Log = Log()
    responses: Responses = Responses()
    passthrough: dict[Name, Name] = {}
    drills: dict[Name, Drill] = {}
    same_as: dict[str, str] = msgspec.field(name=f"{DERIVED}same_as", default_factory=dict)
    """Further names of aliases (`derived/same_as.py`)."""
    choices: Choices | None = None
    paid_otherwise: tuple[str, ...] = msgspec.field(name=f"{DERIVED}paid_otherwise", default=())
    """Providers whose calls cost nothing where no table has a price: a search knows what is paid for them beside calls."""

    @property
    def digest(self) -> str:
        """32 hex digits that stand for the content: the same for another order, layout, name or value of a secret, and for other
        choices, which nothing that is served knows of."""
        log, usual = self.log, Log()
        if log.journal.startswith(PER_FILE_FOLDER):
            log = msgspec.structs.replace(log, journal=usual.journal)
        if log.store.reference.startswith(f"sqlite:///{PER_FILE_FOLDER}"):
            log = msgspec.structs.replace(log, store=usual.store)
        whole = msgspec.structs.replace(self, log=log, choices=None)
        encoded = msgspec.json.encode(whole, enc_hook=_reference, order="sorted")
        parts = msgspec.json.decode(encoded, type=dict[str, msgspec.Raw])
        del parts["choices"], parts[f"{DERIVED}paid_otherwise"]
        parts["requirements"] = with_promises_of_0_1(parts["requirements"])
        parts["models"] = without_additions(parts["models"])
        parts["providers"] = without_additions(parts["providers"])
        parts["keys"], parts["groups"] = without_additions(parts["keys"]), without_additions(parts["groups"])
        if self.responses == Responses():
            del parts["responses"]
        if not self.passthrough:
            del parts["passthrough"]
        if self.server.keepalive is None:
            parts["server"] = without(parts["server"], "keepalive")
        if not self.same_as:
            del parts[f"{DERIVED}same_as"]
        return digest(msgspec.json.encode(parts, order="sorted"))


def alias_identity(system: System, alias: str) -> str:
    """32 hex digits that stand for what answers behind an alias: another target or vendor gives other answers."""
    targets = system.models[alias].targets
    providers = {one.provider: system.providers[one.provider] for tier in targets for one in tier}
    encoded = msgspec.Raw(msgspec.json.encode(providers, enc_hook=_reference, order="sorted"))
    tiers = targets_without_additions(msgspec.Raw(msgspec.json.encode(targets, enc_hook=_reference, order="sorted")))
    return digest(msgspec.json.encode([tiers, without_additions(encoded)], enc_hook=_reference, order="sorted"))


TEXT_NOTATIONS: Final[Mapping[type, str]] = MappingProxyType(
    {Backoff: "span", Pause: "pause", Address: "address", Bound: "bound", PromptFile: "path"}
)
"""Structs that the file writes as one text, in this notation."""


def _reference(value: object) -> str:
    if isinstance(value, Secret):
        return value.reference
    raise TypeError(f"no part of a system file: {type(value).__name__}")
