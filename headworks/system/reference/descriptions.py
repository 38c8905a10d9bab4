"""What each key of the system file means to its user: said once, here, for the reference page and for editors.

Always true (`tests/docs`): every field of every struct has its words, and no words are left over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import inspect

from headworks.core.money import Rates
from headworks.policy.circuit import Breaking
from headworks.policy.freshness import Caching
from headworks.policy.retry import Retrying
from headworks.policy.timeouts import Timeouts
from headworks.system.reference.limits import LIMITS
from headworks.system.reference.serving import SERVING
from headworks.system.reference.simulated_descriptions import SIMULATED
from headworks.system.reference.target_descriptions import TARGETS
from headworks.system.schema.choices import Choices, ExtraPrice, TargetChoice
from headworks.system.schema.credentials import AwsCredential, AzureCredential, GoogleCredential
from headworks.system.schema.drills import Drill, DrillFault, DrillTraffic, DrillTrouble, Hypothesis
from headworks.system.schema.notations import NOTATIONS
from headworks.system.schema.requirements import (
    AliasTraffic,
    CommonCause,
    Constraint,
    Expect,
    Objective,
    Requirements,
    SessionTraffic,
    Times,
    Tokens,
    Traffic,
    Turns,
)
from headworks.system.schema.system import (
    TEXT_NOTATIONS,
    Anthropic,
    Azure,
    Bedrock,
    Gemini,
    Guardrail,
    Local,
    Model,
    OpenAI,
    Prompt,
    Simulated,
    Spread,
    SuiteFile,
    System,
    Vertex,
)
from headworks.system.syntax.scalars import written_duration

DIALECT: Final = (
    "The API that the vendor speaks: `openai`, `anthropic`, `gemini`, `vertex`, `azure`, `bedrock`, `local` (a model in a child process) or `simulated` (generated answers, no "
    "vendor); "
    "or the name of a vendor that speaks OpenAI's, such as `groq`, which implies `base_url` and the variable of `api_key` "
    "([vendors](../vendors.md))."
)

TAGS: Final[Mapping[str, str]] = MappingProxyType(
    {"dialect": DIALECT, "kind": "Whose credential it is: `aws`, `google` or `azure`."}
)
"""What the key says that tells maps of one place apart."""

_SHAPE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "burstiness": "How unevenly calls arrive: the squared coefficient of variation of the gaps. 1 is Poisson. Above 2 no formula "
        "is used, only simulation (`headworks plan`).",
        "prompt_tokens": "Tokens of the prompt.",
        "output_tokens": "Tokens of the answer.",
        "streamed": "The share of calls that are streamed. `time_to_first_token` is about these calls.",
        "repeated": "The share of calls that are equal to an earlier one, so a cache can answer them. Only `headworks plan` uses it.",
    }
)
"""A shape of traffic, of the system or of an alias."""

_STATED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "region": "Where this provider handles what it is sent, in a word of your own, such as `eu`; several as `[eu, ch]`. Nothing "
        "checks that it is so: constraints compare it. Not stated: no constraint on the region is met.",
        "retention": "For how long this provider keeps what it is sent: `none`, or at most so long, such as `30d`. Not stated: no "
        "constraint on retention is met.",
    }
)
"""What a provider states of itself for `requirements.constraints`."""

_OPENAI: Final[Mapping[str, str]] = MappingProxyType(
    {
        "base_url": "Where the vendor's API begins. `/chat/completions` is added to its path. A query (Azure's "
        "`?api-version=...`) goes with every request.",
        "api_key": "Our key at the vendor, sent as `Authorization: Bearer`.",
        "rpm": "Requests a minute that the vendor admits. A call above this goes to another target, or waits. Unlimited by "
        "default.",
        "tpm": "Tokens a minute that the vendor admits, prompts and answers together. A call above this goes to another "
        "target, or waits. Unlimited by default.",
        "concurrency": "Calls at this provider at the same time. A stream counts until its last chunk. Unlimited by default.",
        "headers": "Headers that every request to this vendor carries. Their values are secrets: they are never shown.",
        "forward_headers": "More headers that pass, from the caller to this vendor and back, beside those of its dialect.",
        "credential": "A credential that changes, in place of `api_key`: AWS, Google or Azure. It is refreshed in the background "
        "([vendors](../vendors.md#credentials-that-change)).",
        "ca_file": "Certificates (PEM) to trust instead of the machine's own.",
        "proxy": "The HTTP proxy to use: `http://user:password@host:port`, or `none`. Default: what `HTTPS_PROXY` or "
        "`HTTP_PROXY` say. This machine, and hosts in `NO_PROXY`, are always reached without a proxy.",
        **_STATED,
    }
)
"""A vendor that is asked over HTTP."""

DESCRIPTIONS: Final[Mapping[type[msgspec.Struct], Mapping[str, str]]] = MappingProxyType(
    {
        System: {
            "version": "The version of this file format.",
            "name": "The system's name in logs and reports.",
            "requirements": "What the system must promise; `headworks check` judges it. Only `constraints` change how calls are served.",
            "providers": "The vendors and model servers that answer calls, each under a name of your own.",
            "models": "The names that clients call (aliases), and what answers for each. In short: `alias: provider/model`, or a "
            "list of them, tried in order.",
            "prompts": "Prompts in files of their own. Callers use one as `model: prompt/NAME` (`docs/prompts.md`).",
            "keys": "Who may call. `headworks keys` makes more. Without keys anybody on this machine may call, and nobody else. "
            "`{}` means that all keys are made by `headworks keys`: then callers from other machines need one.",
            "groups": "Keys that share limits and a budget.",
            "suites": "The samples that `headworks eval` asks, and how their answers are judged (`docs/evals.md`). In short: "
            "`support: suites/support.yaml`.",
            "state": "Where limits and budgets are counted. `memory`: in one process. `embedded`: in a Valkey that Headworks "
            "starts, for the workers of this machine. `redis://user:password@host:6379/0` (`rediss://` for TLS): in a "
            "Valkey or Redis that replicas share.",
            "server": "The public port and the admin port.",
            "log": "Where the record of each call goes.",
            "responses": "Whether answers of OpenAI's Responses are kept, so that a call may go on from one (`docs/stored-responses.md`).",
            "passthrough": "Paths that pass to a provider of OpenAI's dialect as they are, by the first part below `/v1`: "
            "`{files: openai, batches: openai}` (`docs/files-and-batches.md`). Default: none.",
            "drills": "Drills of your own for `headworks drill`, beside those that come with it (`docs/drills.md`). They change "
            "nothing about how calls are served.",
            "choices": "What `headworks plan --search` may vary, and the prices of what is no call (`docs/search.md`). They change "
            "nothing about how calls are served.",
        },
        Choices: {
            "targets": "By alias, the targets that it may have: any of them, one after the other, in any order. In short: a list.",
            "vary": "By the path of a setting, such as `models.assistant.mid_stream`, the values that it may have. What is not named here "
            "stays as it is in the file.",
            "prices": "What is paid beside the calls: a machine, a tier's minimum.",
        },
        TargetChoice: {
            "any_of": "The targets, each as under `models`.",
            "at_least": "The fewest targets, one tier each.",
            "at_most": "The most targets, one tier each. Default: all of them.",
            "weights": "Weights with which two of them may share the load of the first tier, such as `[1, 3]`. Default: no two share it.",
        },
        ExtraPrice: {
            "of": "What is paid for: `providers.NAME`, as long as a target of it is used, or a setting such as `providers.NAME.concurrency`.",
            "costs": "What it costs.",
            "at_least": "What the calls of the provider cost at least: a tier's minimum. What they cost less is paid all the same.",
            "per": "How long the amount is for: `1h` for an hour of a GPU.",
            "each": "The amount is for so many of the setting, rounded up: with `16`, a `concurrency` of 20 costs it twice.",
            "when": "The amount is paid only where the setting has this value, as a tier that is bought.",
        },
        OpenAI: {
            **_OPENAI,
            "apis": "The APIs of OpenAI's that this vendor has. Callers of another one are translated to the first that fits. Default: "
            "`chat` and `embeddings`; at `api.openai.com` also `responses`, at servers of open models (`vllm`, `ollama`, ...) also "
            "`completions`.",
        },
        Anthropic: {
            **_OPENAI,
            "base_url": "Where the vendor's API begins. `/messages` is added to its path. A query goes with every request.",
            "api_key": "Our key at the vendor, sent as `x-api-key`.",
        },
        Gemini: {
            **_OPENAI,
            "base_url": "Where the vendor's API begins. `/models/MODEL:generateContent` is added to its path.",
            "api_key": "Our key at the vendor, sent as `x-goog-api-key`.",
        },
        Vertex: {
            **_OPENAI,
            "base_url": "Where the API begins. Default: `https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/global/publishers/google`, "
            "or the host of the `location`.",
            "project": "The project of Google Cloud: it is a part of the address.",
            "location": "Where the model runs: `global`, or a region such as `europe-west4`.",
        },
        Azure: {
            **_OPENAI,
            "base_url": "Where the API begins. Default: `https://RESOURCE.openai.azure.com/openai/v1`.",
            "api_key": "Our key at the resource, sent as `api-key`.",
            "resource": "The name of the Azure resource: it makes the address.",
            "api_version": "A version of the API: then the older paths are used, which have the deployment in them. Default: the newer "
            "paths, which need none.",
            "apis": "The APIs that this resource is asked by. Default: `chat`, `responses` and `embeddings`; with `api_version` `chat` and "
            "`embeddings`.",
        },
        Bedrock: {
            **_OPENAI,
            "base_url": "Where the API begins. Default: `https://bedrock-runtime.REGION.amazonaws.com`, by the first `region`.",
            "guardrail": "A guardrail that checks every call.",
        },
        Guardrail: {
            "id": "The guardrail's id or ARN.",
            "version": "Its version: a number, or `DRAFT`.",
            "trace": "Whether the answer says what the guardrail found.",
        },
        AwsCredential: {
            "region": "The AWS region that requests are signed for. Default: the one in the host of `base_url`, else of the provider's "
            "`region`.",
            "profile": "A profile of `~/.aws/config`. Default: botocore's chain, which has the variables, web identity (IRSA), the "
            "container and the instance.",
            "role": "The ARN of a role that is assumed with what the profile or the chain gives.",
            "external_id": "The external id that the role's owner asks for.",
            "session": "The name of the role's session, which CloudTrail shows. Default: `headworks`.",
        },
        GoogleCredential: {
            "file": "The file of a service account, or of workload identity (`external_account`). Default: the application default "
            "credentials.",
        },
        AzureCredential: {
            "tenant": "The id of the tenant.",
            "client": "The id of the client. Without a `secret` it is a managed identity. Default: what the environment has, workload "
            "identity and the machine's managed identity among it.",
            "secret": "The client's secret.",
        },
        Local: {
            "model": "`gemma-3-270m`, the embedded model, or the path of a GGUF file.",
            "concurrency": "Answers that the model writes at the same time.",
            **_STATED,
        },
        Simulated: {
            **SIMULATED,
            **_STATED,
        },
        Spread: {
            "p50": "Half of them take at most this long.",
            "p99": "99 of 100 take at most this long.",
        },
        Model: {
            "targets": "Tiers, tried in order. The targets of one tier (a list in the list) share the load.",
            "session": "Where your own clients write which session a call belongs to: `header:x-thread`, or `body:metadata.thread_id`. It counts "
            "before what clients are known to send (`docs/sessions.md`).",
            "same_as": "The alias that callers mean by this name. One `*` in the name stands for any characters: "
            "`claude-*: {same_as: assistant}`. It goes alone: every other setting is the alias's.",
            "balance": "How the targets of a tier share the load: `weighted` at random by `weight`, `least_busy` by calls in "
            "flight, `fastest` by recent latency. `sticky` keeps a session at one target, whose prompt cache is warm (`docs/sessions.md`).",
            "timeouts": "How long each phase of a call may take.",
            "retry": "When a failed attempt is followed by another.",
            "breaker": "The circuit breaker: when a target that fails is left alone.",
            "mid_stream": "What happens when a stream breaks after its first content. `error`: it ends with an error event. `restart`: "
            "the call is made again, what was already sent is compared and left out, and the stream ends with the error "
            "`stream_diverged` if the new answer differs. `continue`: a target that can goes on after what was already "
            "sent; if none can, as `restart`.",
            "on_content_filter": "What happens when a vendor's content policy refuses a prompt. `error` passes the refusal on. `next` tries "
            "the next tier first.",
            "cache": "Which answers are cached, and for whom.",
            "coalesce": "Whether equal calls in flight share one call to the vendor. Default: `true` if `cache.exact` is set.",
            "price": "What tokens of every target of this alias cost. It replaces the bundled table of prices (`docs/prices.md`).",
            "max_output": "The `max_tokens` that a call under a budget is sent with if the caller sets none.",
            "rpm": "Requests a minute for this alias, over all callers. Unlimited by default.",
            "tpm": "Tokens a minute for this alias, over all callers, prompts and answers together. Unlimited by default.",
            "concurrency": "Calls at the same time for this alias, over all callers. A stream counts until its last chunk. Unlimited by "
            "default.",
        },
        **TARGETS,
        Expect: {
            "first_token": "Time to the first token.",
            "per_token": "Time between tokens. Together with `first_token` it gives the length of a call.",
            "availability": "The share of calls that it answers whole. Default: 99%.",
        },
        Times: {
            "p50": "Half of them take at most this long.",
            "p95": "95 of 100 take at most this long.",
        },
        Tokens: {
            "p50": "Half of the calls have at most this many.",
            "p95": "95 of 100 calls have at most this many.",
        },
        Requirements: {
            "traffic": "The traffic that the system must carry.",
            "objectives": "What the system must promise, each with an `id` of its own.",
            "common_causes": "Which providers fail together.",
            "constraints": "What every provider must state of itself. A target that does not meet all of them is never asked "
            "(`docs/requirements.md`).",
        },
        Constraint: {
            "region": "The regions that are allowed. A provider meets it if it states a `region`, and each of its own is one of these.",
            "retention": "The longest retention that is allowed: `none`, or a duration. A provider meets it if it states a `retention` "
            "that is not longer.",
        },
        Traffic: {
            **_SHAPE,
            "peak_rps": "Calls a second at the peak, of all aliases together. A trace or the log is stretched until its busiest five "
            "minutes have this rate.",
            "peak_for": "How long the peak lasts, from 1s to 1d. `headworks plan` predicts what the calls of the whole peak see. A trace "
            "or the log lasts as long as it does.",
            "daily": "The load of each of the 24 hours of a day, as a share of the peak. Default: every hour is the peak.",
            "trace": "A CSV file of calls that `headworks plan` replays: `arrived_at` (seconds or a date), `prompt_tokens`, "
            "`output_tokens`. The Azure trace's `TIMESTAMP`, `ContextTokens`, `GeneratedTokens` work too.",
            "log": "Replay the calls that the ledger recorded.",
            "sessions": "The sessions that the calls belong to, such as runs of an agent. Objectives with `per: session` need it "
            "(`docs/sessions.md`).",
            "aliases": "The same keys for one alias. A key that is not written there is as above, except `peak_rps`.",
        },
        AliasTraffic: {
            **_SHAPE,
            "peak_rps": "Calls a second at the peak, of this alias. Not needed if there is only one alias.",
        },
        Objective: {
            "id": "Its name in reports.",
            "metric": "What is promised. `time_to_first_token` (of streamed calls) and `duration`: a percentile of the calls. "
            "`availability`: whole answers divided by calls, without calls that fail by the caller's own fault. "
            "`goodput`: calls a second that meet every latency objective. `cost_per_call`: the mean. `cost`: the sum in "
            "a window. `quality`: the share of a suite's samples that pass, of the targets that answer. `calls`: those of a session.",
            "percentile": "For `time_to_first_token` and `duration`: 95 means that 95 of 100 calls must meet the bound.",
            "at_most": "The bound of a time (`800ms`), a cost (`$0.004`) or a number of calls (`50`).",
            "at_least": "The bound of a share (`99.9%`) or a rate (`18rps`).",
            "window": "The time over which it is counted. `cost` needs one.",
            "suite": "The suite of `quality`: a name under `suites`.",
            "confidence": "How sure a verdict on `quality` must be.",
            "alias": "The alias that it is about. Default: the whole system.",
            "per": "`session`: the promise is about whole sessions. `cost` and `calls` (the mean, or a `percentile`), `duration` "
            "(the time for which a session waits for answers), `availability` (sessions in which every call is answered).",
        },
        SessionTraffic: {
            "turns": "How many calls a session has.",
            "pause": "The time from one call of a session to its next. With it `headworks plan` knows what targets find in their prompt "
            "caches.",
            "growth": "Tokens that each turn adds to the prompt. Default: as many as a session begins with.",
        },
        Turns: {
            "p50": "Half of the sessions have at most so many.",
            "p95": "95 of 100 have at most so many.",
        },
        CommonCause: {
            "name": "What they have in common: a region, a network, a vendor behind both.",
            "providers": "At least two names under `providers`.",
            "share": "The part of each provider's outages that strikes all of them together (the beta factor).",
        },
        Timeouts: {
            "connect": "Until a connection to the vendor is established.",
            "first_token": "Streamed calls: until the first content.",
            "between_tokens": "Streamed calls: the longest gap after the first content. The time that a slow caller takes to read does not "
            "count.",
            "answer": "Calls that are not streamed: until the whole answer has arrived, for one attempt. A vendor sends nothing "
            "before that, so only this timeout notices a silent vendor, and the next target is tried only after it. Set "
            "it lower if no answer takes so long, or stream.",
            "total": "The whole call, with all its attempts and the time to read the answer.",
        },
        Retrying: {
            "attempts": "The most attempts at one target for one call.",
            "backoff": "The pause before the next attempt is drawn at random from this range. It grows with each attempt.",
        },
        Breaking: {
            "failures": "The circuit opens after this many failures in a row (or when half of the last 20 calls failed).",
            "open": "How long the circuit stays open before one call probes the target. It doubles after each probe that fails, "
            "from the lower end of the range to the upper end. A single duration is the lower end. The upper end by "
            "default: 15s if there is a tier below (it answers the call whose probe failed), else 60s.",
        },
        Caching: {
            "exact": "How long the answer to a call is given to equal calls (`docs/cache.md`). Off by default.",
            "share": "Who shares cached answers: callers with the same `key`, keys of the same `group`, or `all` callers.",
            "size": "The most memory for cached answers of the alias, in this process or in the shared `state`. The least "
            "recently used ones are dropped first.",
        },
        Rates: {
            "input": "Tokens of the prompt.",
            "cached_input": "Tokens of the prompt that the vendor had in its cache. Default: as `input`.",
            "cache_write": "Tokens of the prompt that the vendor writes to its cache. Default: as `input`.",
            "cache_write_1h": "Tokens of the prompt that the vendor writes to its cache for an hour (Anthropic). Default: as "
            "`cache_write`.",
            "output": "Tokens of the answer. Without this price their cost is unknown (embeddings have none).",
            "reasoning": "Tokens of reasoning that is not shown. Default: as `output`.",
            "audio_input": "Tokens of audio in the prompt. Without this price their cost is unknown.",
            "audio_output": "Tokens of audio in the answer. Without this price their cost is unknown.",
        },
        **LIMITS,
        Prompt: {
            "file": "The prompt: a Markdown file with front matter and chat turns.",
            "model": "The alias that answers. Default: the one in the prompt's front matter.",
        },
        SuiteFile: {
            "file": "The suite: a YAML, JSONL, CSV or Python file, relative to the system file's folder.",
        },
        **SERVING,
        Drill: {
            "shows": "What the drill shows, in a sentence.",
            "faults": "Which faults happen, at which targets, and when.",
            "trouble": "What happens to the gateway or the machine it runs on, instead of `faults`.",
            "traffic": "The calls that are made during the drill.",
            "expect": "The hypothesis: what must be true of these calls. That no answer which was cut short looks whole is always "
            "part of it.",
        },
        DrillFault: {
            "fault": "What goes wrong: one of the `faults` of a simulated provider.",
            "targets": "Where it goes wrong: `provider/model`, `provider`, or `all`. Default: the first tier.",
            "from": "When the fault begins, counted from the drill's first call.",
            "until": "When the fault ends.",
            "share": "The share of attempts that fail while the fault lasts.",
        },
        DrillTrouble: {
            "what": "`dns`, `tls`: the first provider's name does not resolve, or its certificate has expired. `store`, `disk`: "
            "the ledger's database is locked, or the disk is full. `clock`: the clock jumps by an hour, and back. "
            "`sigterm`, `sigkill`: the gateway is stopped or killed, and started again.",
            "from": "When the trouble begins, counted from the drill's first call.",
            "until": "When the trouble ends. A gateway that was stopped is started again then.",
        },
        DrillTraffic: {
            "rate": "Calls a second, evenly spaced.",
            "calls": "The number of calls.",
            "streamed": "The share of calls that are streamed.",
            "tokens": "Tokens of each answer. The stand-in for the vendor sends the first after 50 ms and one every 20 ms.",
            "alias": "The alias that is called. Default: the first one whose first tier is a vendor's and that has a second "
            "target.",
        },
        Hypothesis: {
            "whole": "The least share of calls during the fault that must be answered whole and exact. With `mid_stream: error`, "
            "streams that broke after their first content are not counted.",
            "added": "How much longer than before the fault a whole answer may take, at most. Unbounded by default.",
            "attempts": "The most attempts a call, on average over the calls during the fault. Unbounded by default.",
            "cost": "The most that a call during the fault may cost, as a multiple of a call before it. Unbounded by default.",
            "recovery": "How soon after the fault its target must answer again.",
            "broken": "The largest share of calls during the fault whose connection may break without an error event. A caller's "
            "SDK raises an exception there.",
            "error": "The only error code that callers may see. Default: any.",
        },
    }
)


def written_default(field: inspect.Field) -> str | int | None:
    """A field's default in the notation of the file; None where there is none, or where it is said key by key."""
    value = field.default
    if value is msgspec.NODEFAULT or value is None or value == "":
        return None
    match field.type:
        case inspect.Metadata() if unit := (field.type.extra or {}).get("unit"):
            return NOTATIONS[unit].write(value)
        case inspect.StructType() if field.type.cls in TEXT_NOTATIONS:
            return NOTATIONS[TEXT_NOTATIONS[field.type.cls]].write(value)
        case inspect.StructType() if isinstance(value, Spread):
            return f"{{p50: {written_duration(value.p50)}, p99: {written_duration(value.p99)}}}"
        case inspect.FloatType():
            return f"{value:g}"
        case inspect.BoolType():
            return "true" if value else "false"
    return value if isinstance(value, (str, int)) else None
