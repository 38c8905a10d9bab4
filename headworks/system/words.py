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
from headworks.policy.retry import Retrying
from headworks.policy.timeouts import Timeouts
from headworks.system.notations import NOTATIONS
from headworks.system.scalars import written_duration
from headworks.system.schema import (
    ONE_TEXT,
    Key,
    Local,
    Log,
    Model,
    OpenAI,
    Server,
    Simulated,
    Spread,
    System,
    TargetOf,
)

DIALECT: Final = "Which language the vendor speaks: `openai`, `local` (a model in this process's child) or `simulated`."

WORDS: Final[Mapping[type[msgspec.Struct], Mapping[str, str]]] = MappingProxyType(
    {
        System: {
            "version": "The version of this notation.",
            "name": "What the system is called in logs and reports.",
            "providers": "Who answers calls: a name of your own for each vendor or model server.",
            "models": "The names that clients call (aliases), and what answers for each. In short: `alias: provider/model`, "
            "or a list of them, each tried when the one before it fails.",
            "keys": "Who may call. Without keys anybody on this machine may, and nobody else.",
            "server": "The public port and the admin port.",
            "log": "Where the record of each call goes.",
        },
        OpenAI: {
            "base_url": "Where the vendor's API begins; `/chat/completions` is added to it.",
            "api_key": "Our key at the vendor, sent as `Authorization: Bearer`.",
            "concurrency": "Calls at this provider at once, streams until their last chunk. Unlimited by default.",
            "headers": "Headers that every request to this vendor carries. Their values are secrets: never shown.",
            "forward_headers": "Headers of the caller that pass to this vendor, beside those of its dialect.",
            "ca_file": "Certificates (PEM) to trust in place of the machine's own.",
        },
        Local: {
            "model": "`gemma-3-270m`, the embedded model, or the path of a GGUF file.",
            "concurrency": "Answers that the model writes at once.",
        },
        Simulated: {
            "first_token": "Time to the first token.",
            "per_token": "Time between tokens.",
            "faults": "The share of calls that each fault happens to, such as `{server_error: 0.5%, cut: 0.1%}`.",
            "rpm": "Requests a minute before it answers 429. Unlimited by default.",
            "tpm": "Tokens a minute before it answers 429. Unlimited by default.",
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
            "price": "What tokens of every target of this alias cost, in place of the bundled table of prices "
            "(`docs/prices.md`).",
        },
        TargetOf: {
            "provider": "A name under `providers`. In short: `provider/model`.",
            "model": "The vendor's name for the model. Not needed where the provider is `local` or `simulated`.",
            "weight": "Its part of the tier's load, compared with the others'.",
        },
        Timeouts: {
            "connect": "Until a connection to the vendor stands.",
            "first_token": "Streamed calls: until the first content.",
            "between_tokens": "Streamed calls: the longest silence after that. A caller who reads slowly does not count.",
            "answer": "Calls that are not streamed: until the whole answer is there, for one attempt.",
            "total": "The call with all its attempts, reading included.",
        },
        Retrying: {
            "attempts": "The most calls to one target for one call.",
            "backoff": "The pause between attempts is drawn from this range, which grows with each.",
        },
        Breaking: {
            "failures": "It opens after so many failures in a row (or when half of the last 20 failed).",
            "open": "It stays open for so long, then one call tries; doubling to 60s while that fails.",
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
            "models": "The aliases it may use. All by default.",
            "priority": "Who is turned away last when the gateway is full.",
        },
        Server: {
            "listen": "The address of the public port. Beyond this machine only with `keys`.",
            "admin": "The address of the admin port: health and, with `admin_key`, metrics, the system and reload. Where it is "
            "not written: 127.0.0.1:8081 if that is free, else none.",
            "admin_key": "The secret that opens the admin port, sent as `Authorization: Bearer`. Without it only health is "
            "answered there.",
            "max_body": "The largest request that is read; a larger one is answered 413.",
            "max_in_flight": "Calls in the gateway at once; one more is answered 503.",
            "drain": "How long calls in flight may take to end when the gateway stops.",
            "cors": "Origins whose pages may call from a browser; `*` for all. None by default.",
        },
        Log: {
            "journal": "The folder of the journal, to which each call's record is appended before its last chunk goes out.",
            "sync": "How often the journal is forced to the disk: what a power loss can cost.",
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
    return value if isinstance(value, (str, int)) else None
