"""What each key of the system file means to its user: said once, here, for the reference page and for editors.

Always true (`tests/docs`): every field of every struct has its words, and no words are left over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import inspect

from headworks.core.key import Spending
from headworks.core.money import Rates
from headworks.policy.circuit import Breaking
from headworks.policy.freshness import Caching
from headworks.policy.retry import Retrying
from headworks.policy.timeouts import Timeouts
from headworks.system.schema.drills import Drill, DrillFault, DrillTraffic, DrillTrouble, Hypothesis
from headworks.system.schema.notations import NOTATIONS
from headworks.system.schema.requirements import (
    AliasTraffic,
    CommonCause,
    Expect,
    Objective,
    Requirements,
    Times,
    Tokens,
    Traffic,
)
from headworks.system.schema.system import (
    ONE_TEXT,
    Group,
    Key,
    Local,
    Log,
    Model,
    OpenAI,
    Prompt,
    Server,
    Simulated,
    Spread,
    SuiteFile,
    System,
    TargetOf,
    Tls,
)
from headworks.system.syntax.scalars import written_duration

DIALECT: Final = "Which language the vendor speaks: `openai`, `local` (a model in this process's child) or `simulated`."

_SHAPE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "burstiness": "How unevenly calls arrive: the squared coefficient of variation of the gaps; 1 is Poisson. Above 2 "
        "no closed form is said, and only `headworks plan` tells.",
        "prompt_tokens": "Tokens of the question.",
        "output_tokens": "Tokens of the answer.",
        "streamed": "The share of calls that are streamed: `time_to_first_token` is about these.",
        "repeated": "The share of calls that are equal to an earlier one: what a cache can answer. Only `headworks plan` uses it.",
    }
)
"""A shape of traffic, of the system or of an alias."""

WORDS: Final[Mapping[type[msgspec.Struct], Mapping[str, str]]] = MappingProxyType(
    {
        System: {
            "version": "The version of this notation.",
            "name": "What the system is called in logs and reports.",
            "requirements": "What the system must promise. Nothing is served otherwise for it; `headworks check` judges it.",
            "providers": "Who answers calls: a name of your own for each vendor or model server.",
            "models": "The names that clients call (aliases), and what answers for each. In short: `alias: provider/model`, "
            "or a list of them, each tried when the one before it fails.",
            "prompts": "Prompts in files of their own, which callers use as `model: prompt/NAME` (`docs/prompts.md`).",
            "keys": "Who may call; `headworks keys` makes more. Without keys anybody on this machine may, and nobody else. `{}` "
            "says that all of them will be made: beyond this machine nobody calls without one.",
            "groups": "Keys that share limits and a budget.",
            "suites": "Samples that `headworks eval` asks, and how their answers are judged (`docs/evals.md`). In short: "
            "`support: suites/support.yaml`.",
            "state": "What limits and budgets are counted in: `memory`, of one process; `embedded`, a Valkey of our own that the workers of "
            "this machine share; or `redis://user:password@host:6379/0` (`rediss://`: TLS), a Valkey or Redis that replicas share.",
            "server": "The public port and the admin port.",
            "log": "Where the record of each call goes.",
            "drills": "Drills of your own for `headworks drill`, beside those of the library (`docs/failure.md`). Nothing is served by them.",
        },
        OpenAI: {
            "base_url": "Where the vendor's API begins; `/chat/completions` is added to its path. A query (Azure's `?api-version=...`) "
            "goes with every request.",
            "api_key": "Our key at the vendor, sent as `Authorization: Bearer`.",
            "rpm": "Requests a minute that the vendor admits. A call beyond goes to another target, or waits. Unlimited by default.",
            "tpm": "Tokens a minute, of questions and answers, that the vendor admits. A call beyond goes to another target, or "
            "waits. Unlimited by default.",
            "concurrency": "Calls at this provider at once, streams until their last chunk. Unlimited by default.",
            "headers": "Headers that every request to this vendor carries. Their values are secrets: never shown.",
            "forward_headers": "Headers that pass, the caller's to this vendor and this vendor's to the caller, beside those of its dialect.",
            "ca_file": "Certificates (PEM) to trust in place of the machine's own.",
            "proxy": "The HTTP proxy to go through: `http://user:password@host:port`, or `none`. Where it is not written: what "
            "`HTTPS_PROXY` or `HTTP_PROXY` say. This machine, and hosts that `NO_PROXY` names, are always asked without one.",
        },
        Local: {
            "model": "`gemma-3-270m`, the embedded model, or the path of a GGUF file.",
            "concurrency": "Answers that the model writes at once.",
        },
        Simulated: {
            "first_token": "Time to the first token.",
            "per_token": "Time between tokens.",
            "faults": "The share of calls that each fault happens to, such as `{server_error: 0.5%, cut: 0.1%}`.",
            "rpm": "Requests a minute before it answers 429 itself, as a vendor whose limit nobody wrote down. Unlimited by default.",
            "tpm": "Tokens a minute before it answers 429 itself. Unlimited by default.",
            "concurrency": "Calls at this provider at once, streams until their last chunk. Unlimited by default.",
            "seed": "Same seed, same answers: two simulated vendors with one seed say the same.",
        },
        Spread: {
            "p50": "Half are at most this long.",
            "p99": "99 of 100 are at most this long.",
        },
        Model: {
            "targets": "Tiers, tried in order; the targets of one tier (a list in the list) share the load.",
            "balance": "How a tier's targets share: `weighted` by chance, `least_busy` by calls in flight, `fastest` by "
            "recent latency.",
            "timeouts": "How long each phase may last.",
            "retry": "When a failed attempt is followed by another.",
            "breaker": "When a target that fails is left alone.",
            "mid_stream": "What follows when a stream breaks after its first content. `error`: an error event. `restart`: the question is "
            "asked again, and what was sent already is compared and left out; where the new answer differs the stream ends with the "
            "error `stream_diverged`. `continue`: a target that can goes on with what was said; where none can, as `restart`.",
            "on_content_filter": "What follows when a vendor's content policy refuses a question: `error` passes the refusal on, `next` asks "
            "the next tier first.",
            "cache": "Which answers are kept, and for whom.",
            "coalesce": "Whether equal calls under way share one call to the vendor. Where `cache.exact` is by default.",
            "price": "What tokens of every target of this alias cost, in place of the bundled table of prices "
            "(`docs/prices.md`).",
            "max_output": "Tokens of output that a call under a budget is sent with where the caller sets no `max_tokens`.",
            "rpm": "Requests a minute for this alias, whoever calls. Unlimited by default.",
            "tpm": "Tokens a minute for this alias, whoever calls, of questions and answers. Unlimited by default.",
            "concurrency": "Calls at once for this alias, whoever calls, streams until their last chunk. Unlimited by default.",
        },
        TargetOf: {
            "provider": "A name under `providers`. In short: `provider/model`.",
            "model": "The vendor's name for the model. Not needed where the provider is `local` or `simulated`.",
            "weight": "Its part of the tier's load, compared with the others'.",
            "context_window": "Tokens of the model's context, question and answer together. A question that is too long for one target goes on "
            "to the next only where this is larger. Default: what the bundled table knows.",
            "prefill": "Whether, and in which form, the model goes on with the beginning of its own answer, for `mid_stream: continue`: `none`, "
            "`message` (a last message of the assistant), `prefix` (that, marked `prefix`), `repeated_prefix` (and it repeats it), "
            "`final_message` (`continue_final_message`, as vLLM and SGLang have it). Default: what is known of the vendor.",
            "rpm": "Requests a minute at this target under this alias. A call beyond goes to another target, or waits. Unlimited by default.",
            "tpm": "Tokens a minute likewise. Unlimited by default.",
            "concurrency": "Calls at once likewise. Unlimited by default.",
            "expect": "What you expect of it. Nothing is served by it; the arithmetic of `check` uses it, for latency, "
            "throughput and availability.",
        },
        Expect: {
            "first_token": "Time to the first token.",
            "per_token": "Time between tokens; with it and `first_token` the length of a call is known.",
            "availability": "The share of calls that it answers whole. 99% where it is not written.",
        },
        Times: {
            "p50": "Half are at most this long.",
            "p95": "95 of 100 are at most this long.",
        },
        Tokens: {
            "p50": "Half of the calls have at most so many.",
            "p95": "95 of 100 calls have at most so many.",
        },
        Requirements: {
            "traffic": "What it must carry.",
            "objectives": "What it must promise, each with an `id` of its own.",
            "common_causes": "Which providers fail together.",
        },
        Traffic: {
            **_SHAPE,
            "peak_rps": "Calls a second at the peak, of all aliases together. Of a trace or the log: the busiest five minutes are "
            "stretched to it.",
            "daily": "The load of each of the 24 hours of a day, by that of the peak. All of them are the peak by default.",
            "trace": "A CSV file of calls that `headworks plan` replays in place of a shape: `arrived_at` (seconds or a date), "
            "`prompt_tokens`, `output_tokens`; the Azure trace's `TIMESTAMP`, `ContextTokens`, `GeneratedTokens` do too.",
            "log": "Replay what the ledger recorded in place of a shape.",
            "aliases": "The same for one alias; what is not written there is as above, `peak_rps` excepted.",
        },
        AliasTraffic: {
            **_SHAPE,
            "peak_rps": "Calls a second at the peak, of this alias. Not needed where there is only one.",
        },
        Objective: {
            "id": "What it is called in reports.",
            "metric": "What is promised. Of the calls: `time_to_first_token` (streamed ones) and `duration` at a percentile; "
            "`availability`, whole answers by calls, the callers' own faults not counted; `goodput`, calls a second that meet every "
            "objective of latency; `cost_per_call`, the mean, and `cost`, the sum in a window; `quality`, the share of a suite's cases that pass.",
            "percentile": "Of `time_to_first_token` and `duration`: 95 means that 95 of 100 calls hold it.",
            "at_most": "The bound of a time (`800ms`) or a cost (`$0.004`).",
            "at_least": "The bound of a share (`99.9%`) or a rate (`18rps`).",
            "window": "The time that it is counted over. `cost` needs one.",
            "suite": "The suite of `quality`: a name under `suites`.",
            "confidence": "How sure a verdict on `quality` must be.",
            "alias": "The alias that it is about. The whole system by default.",
        },
        CommonCause: {
            "name": "What they have in common: a region, a network, a vendor behind both.",
            "providers": "Names under `providers`, two at least.",
            "share": "The part of each one's outages that all of them have (the beta factor).",
        },
        Timeouts: {
            "connect": "Until a connection to the vendor stands.",
            "first_token": "Streamed calls: until the first content.",
            "between_tokens": "Streamed calls: the longest silence after that. A caller who reads slowly does not count.",
            "answer": "Calls that are not streamed: until the whole answer is there, for one attempt. It says nothing before, so only this bound tells that a vendor is silent: such a call goes on to another target after `answer` and not after `first_token`. Write less where no answer takes so long, or stream.",
            "total": "The call with all its attempts, reading included.",
        },
        Retrying: {
            "attempts": "The most calls to one target for one call.",
            "backoff": "The pause between attempts is drawn from this range, which grows with each.",
        },
        Breaking: {
            "failures": "It opens after so many failures in a row (or when half of the last 20 failed).",
            "open": "It stays open for so long, then one call tries; twice as long after each that fails, from the lower end of the range to the "
            "upper one, which is never exceeded. A single duration is the lower end. The upper end by default: 15s where a tier stands below "
            "(it answers the call whose try failed), 60s where none does.",
        },
        Caching: {
            "exact": "For how long the answer to a call is given to equal calls (`docs/cache.md`). Off by default.",
            "share": "Who gets the answers of whom: only the same `key`, keys of the same `group`, or `all` callers.",
            "size": "The most that the answers of the alias take, in this process or in the shared `state`. Those that were not asked for the longest "
            "go first.",
        },
        Rates: {
            "input": "Tokens of the question.",
            "cached_input": "Tokens of the question that the vendor had in its cache. As `input` by default.",
            "cache_write": "Tokens of the question that the vendor puts into its cache. As `input` by default.",
            "output": "Tokens of the answer. Without it their cost is unknown (embeddings have none).",
            "reasoning": "Tokens of reasoning that are not shown. As `output` by default.",
            "audio_input": "Tokens of sound in the question. Without it their cost is unknown.",
            "audio_output": "Tokens of sound in the answer. Without it their cost is unknown.",
        },
        Key: {
            "key": "The secret that the caller sends as `Authorization: Bearer`.",
            "models": "The aliases it may use, prompts as `prompt/NAME`. All by default.",
            "priority": "Who is turned away last when the gateway is full.",
            "tags": "What the records of its calls carry, for `headworks logs --tag`.",
            "expires": "When it is nobody's key any more (UTC where no zone is written). Never by default.",
            "rpm": "Requests a minute with this key. Unlimited by default.",
            "tpm": "Tokens a minute with this key, of questions and answers. Unlimited by default.",
            "concurrency": "Calls at once with this key, streams until their last chunk. Unlimited by default.",
            "budget": "What its calls may cost. Without limit by default.",
        },
        Group: {
            "keys": "Names under `keys`. A key is in one group at most; keys made by `headworks keys` name theirs themselves.",
            "rpm": "Requests a minute with any of these keys. Unlimited by default.",
            "tpm": "Tokens a minute with any of these keys, of questions and answers. Unlimited by default.",
            "concurrency": "Calls at once with any of these keys, streams until their last chunk. Unlimited by default.",
            "budget": "What the calls with all of these keys may cost. Without limit by default.",
            "state_away": "What becomes of its calls while the shared `state` cannot be asked: `closed` answers 503, so that nothing "
            "is exceeded; `open` lets each process go on with its part of limits and of what is left of budgets.",
        },
        Spending: {
            "amount": "Dollars a window, such as `$50`. Nothing is spent beyond it (`docs/money.md`).",
            "every": "The window: `1h` begins with each hour, `1d` with each day (UTC), `1w` on Mondays, `30d` every 30 days, `total` never again.",
            "estimate": "How the tokens of a question are reckoned before it is asked: `bytes`, one a byte, which none has more of, or "
            "`chars`, one for four, which admits more and may be too few.",
            "alert": "The part of the budget at which the log tells of it.",
        },
        Prompt: {
            "file": "The prompt: a Markdown file with front matter and chat turns.",
            "model": "The alias that answers. Where it is not written: the one that the prompt's front matter names.",
        },
        SuiteFile: {
            "file": "The suite: a YAML, JSONL, CSV or Python file, relative to the system file's folder.",
        },
        Server: {
            "listen": "The address of the public port. Beyond this machine only with `keys`.",
            "admin": "The address of the admin port: health and, with `admin_key`, metrics, the system and reload. Where it is "
            "not written: 127.0.0.1:8081 if that is free, else none.",
            "admin_key": "The secret that opens the admin port, sent as `Authorization: Bearer`. Without it only health is "
            "answered there.",
            "max_body": "The largest request that is read; a larger one is answered 413.",
            "max_buffered": "Bytes of answers that may wait in the gateway, for callers who do not read and for the rest of an event, over all "
            "connections; the `workers` share it out. Beyond it a call is answered 503 with Retry-After, and a stream that has begun ends with an error event.",
            "max_in_flight": "Calls in the gateway at once, in each of its `workers`. `low` priority fills four fifths of it at most, `normal` nineteen twentieths; who "
            "finds no place waits for one.",
            "max_queued": "Calls that wait for a place. Past it the oldest of the lowest priority is answered 503 with Retry-After.",
            "max_wait": "How long a call waits for a place before it is answered 503 with Retry-After.",
            "drain": "How long calls in flight may take to end when the gateway stops.",
            "workers": "Processes that answer calls. More than one need a `state` that they share.",
            "tls": "The certificate with which the public port speaks https, for those without an ingress that does. Plain http by "
            "default. Files that change are taken up without a restart.",
            "cors": "Origins whose pages may call from a browser; `*` for all. None by default.",
            "expose": "What answers say of themselves in headers: `target` (`x-headworks-target`, who answered), `attempts` "
            "(`x-headworks-attempts`) and `cost` (`x-headworks-cost`, dollars; whole answers only: a stream's headers go before its cost is "
            "known). Nothing by default.",
        },
        Tls: {
            "cert": "The certificate and those between it and its authority (PEM), relative to the system file's folder.",
            "key": "Its private key (PEM), without a passphrase.",
        },
        Log: {
            "store": "The SQLite file, or the PostgreSQL database of several replicas (`postgresql://user@host/database`, and "
            "`?schema=` for another schema than `headworks`), that `headworks logs` reads. The journal is moved into it, a "
            "moment later and off the path of calls. A file of another name than `headworks.yaml` has "
            "`.headworks/systems/NAME/ledger.db`: docs/ledger.md.",
            "journal": "The folder of the journal, to which each call's record is appended before its last chunk goes out. A file "
            "of another name than `headworks.yaml` has `.headworks/systems/NAME/journal`.",
            "sync": "How often the journal is forced to the disk: what a power loss can cost.",
            "bodies": "Whether the record has the words of a call: `none`, or `full`, the body as the caller sent it (64 KiB at "
            "most) and the text of the answer. Headers, and so keys, are never in it.",
            "retention": "How long the store keeps a call.",
            "format": "How the lines of the gateway's own log are written: `text`, or `json`, an object a line, from the start to the "
            "end and in every process (docs/operations.md).",
        },
        Drill: {
            "shows": "What it shows, in a sentence.",
            "faults": "Which faults, of which targets, and when.",
            "trouble": "What happens to the gateway or the machine below it, in place of `faults`.",
            "traffic": "Who calls meanwhile.",
            "expect": "The hypothesis: what should come of it. That no answer which is cut short looks whole is always part of it.",
        },
        DrillFault: {
            "fault": "What goes wrong.",
            "targets": "Whose fault it is: `provider/model`, `provider`, or `all`. The first tier by default.",
            "from": "When it begins, from the drill's first call.",
            "until": "When it is over.",
            "share": "The share of attempts that it happens to meanwhile.",
        },
        DrillTrouble: {
            "what": "`dns` and `tls`: the first provider's name does not resolve, its certificate has expired. `store`, `disk`: "
            "the ledger's database is locked, the disk is full. `clock`: it jumps by an hour, and back. `sigterm`, `sigkill`: "
            "the gateway is stopped or killed, and started again.",
            "from": "When it begins, from the drill's first call.",
            "until": "When it is over; a gateway that was stopped is started again then.",
        },
        DrillTraffic: {
            "rate": "Calls a second, evenly spaced.",
            "calls": "Calls in all.",
            "streamed": "The share of calls that are streamed.",
            "tokens": "Tokens of each answer. The stand-in begins after 50 ms and says one every 20 ms.",
            "alias": "The alias that is called. By default the first whose first tier is a vendor's and that has a second target.",
        },
        Hypothesis: {
            "whole": "The least share of the calls meanwhile that are answered whole and exact. Of those that can be: a stream that "
            "broke after its first content cannot where `mid_stream` is `error`.",
            "added": "The most time that a whole answer may take more than before the fault. Unbounded by default.",
            "attempts": "The most attempts a call, in the mean over the calls meanwhile. Unbounded by default.",
            "cost": "The most that a call meanwhile may cost, as a multiple of one before the fault. Unbounded by default.",
            "recovery": "By when after the fault its target must have answered again.",
            "broken": "The most share of the calls meanwhile whose connection may break without a word. A caller's SDK raises there.",
            "error": "The one code that callers may be shown in place of an answer. Any by default.",
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
        case inspect.StructType() if field.type.cls in ONE_TEXT:
            return NOTATIONS[ONE_TEXT[field.type.cls]].write(value)
        case inspect.StructType() if isinstance(value, Spread):
            return f"{{p50: {written_duration(value.p50)}, p99: {written_duration(value.p99)}}}"
        case inspect.FloatType():
            return f"{value:g}"
        case inspect.BoolType():
            return "true" if value else "false"
    return value if isinstance(value, (str, int)) else None
