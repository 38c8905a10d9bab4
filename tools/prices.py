"""Builds `headworks/catalog/prices.json` from the data of the package `genai-prices`: `make prices`.

    python tools/prices.py FOLDER [YYYY-MM-DD]

FOLDER is where the package is installed (without its dependencies). Its data is one Python literal of calls, so it is
read as a syntax tree and nothing of the package is run: importing it would need pydantic and an HTTP client. The
prices are those in force on the date: today, or the date of the table that is there if that is of the same version, so
that building twice gives the same bytes. What the table leaves out, and why: docs/adr/0021.
"""

from __future__ import annotations

import ast
import datetime
import json
import re
import sys
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, product
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "headworks" / "catalog" / "prices.json"
PACKAGE = "genai-prices"

RATES = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
}
"""Prices of the classes of `Usage`."""

UNCOUNTED = re.compile(
    # Audio in the cache, images and video: `Usage` does not tell these tokens apart.
    r"cache_audio_read_mtok|cache_image_read_mtok|(input|output)_(image|video)_mtok"
    # Tools of the vendor, paid by the use and not by the token.
    r"|(web|storage|social)_searches_kcount|code_executions_kcount|output_citation_mtok"
)
"""Prices that only calls with something beside text pay: a model that has them keeps its price for text."""

ATOMS = {
    "ClauseEquals": ("=", "equals"),
    "ClauseStartsWith": ("^", "starts_with"),
    "ClauseEndsWith": ("$", "ends_with"),
    "ClauseContains": ("*", "contains"),
}


def plain(node: ast.expr) -> Any:
    """The value of a literal: a call becomes a dict of its keywords, with its name under `is`."""
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple():
            return [plain(one) for one in node.elts]
        case ast.Dict():
            return {plain(key): plain(value) for key, value in zip(node.keys, node.values, strict=True) if key}
        case ast.Call(func=ast.Name(id="Decimal")):
            return Decimal(plain(node.args[0]))
        case ast.Call(func=ast.Attribute(attr="date")):
            return datetime.date(*map(plain, node.args))
        case ast.Call():
            return {"is": ast.unparse(node.func).rpartition(".")[2]} | {
                str(keyword.arg): plain(keyword.value) for keyword in node.keywords
            }
        case ast.Attribute():
            return ast.unparse(node)
    raise ValueError(f"the data has something new: {ast.unparse(node)[:100]}")


def providers(folder: Path) -> list[dict[str, Any]]:
    """Every provider of the package's data."""
    tree = ast.parse((folder / "genai_prices" / "data.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id="providers"), value=ast.List() as value):
                found: list[dict[str, Any]] = plain(value)
                return found
    raise ValueError("the data has no list of providers")


def version(folder: Path, package: str = PACKAGE) -> str:
    """The version of a package in a folder."""
    [metadata] = folder.glob(f"{package.replace('-', '_')}-*.dist-info/METADATA")
    match = re.search(r"^Version: (\S+)$", metadata.read_text(encoding="utf-8"), re.MULTILINE)
    assert match, metadata
    return match[1]


def conditions(clause: dict[str, Any]) -> list[list[str]]:
    """Which names are meant: any of these lists, each of which is all of its texts."""
    match clause["is"]:
        case "ClauseOr":
            return [texts for one in clause["or_"] for texts in conditions(one)]
        case "ClauseAnd":
            return [list(chain.from_iterable(parts)) for parts in product(*map(conditions, clause["and_"]))]
        case "ClauseRegex":
            re.compile(clause["regex"])
            return [[f"~{clause['regex']}"]]
    sign, key = ATOMS[clause["is"]]
    return [[sign + clause[key].lower()]]


def literal(pattern: str) -> str:
    """The longest text that every match of a URL pattern has: looking for it spares compiling the pattern."""
    rest = ""
    while rest != pattern:
        rest, pattern = pattern, re.sub(r"\[[^]]*\][?*+]?|\([^()]*\)[?*+]?", "\0", pattern)
    runs = [""]
    for token, repeat in re.findall(r"(\\[./-]|[^\\])([?*+]?)", pattern):
        if repeat or token in "\0.$^":
            runs.append("")
        else:
            runs[-1] += token[-1]
    return max(runs, key=len)


def in_force(prices: Any, today: datetime.date) -> dict[str, Any]:
    """The prices of a day. Where they depend on the hour, the dearest: a cost must not look lower than it is."""
    if isinstance(prices, dict):
        return prices
    begun: list[dict[str, Any]] = []
    for one in prices:
        constraint = one.get("constraint")
        if constraint is None:
            begun = [one["prices"]]
        elif constraint["is"] == "TimeOfDateConstraint":
            begun.append(one["prices"])
        elif constraint["start_date"] <= today:
            begun = [one["prices"]]
    # None has begun: the first stands, as the package has it.
    return max(
        begun or [prices[0]["prices"]], key=lambda one: (base(one.get("input_mtok")), base(one.get("output_mtok")))
    )


def base(price: Any) -> Decimal:
    return Decimal(0) if price is None else Decimal(price["base"] if isinstance(price, dict) else price)


def nano(dollars: Decimal) -> int:
    """Nano-dollars per million tokens. The data has a float's last digits here and there (0.18000000000000002)."""
    amount = (dollars * 1_000_000_000).quantize(Decimal(1), ROUND_HALF_UP)
    if amount < 0:
        raise ValueError(f"a price is negative: {dollars}")
    return int(amount)


def table_of(prices: dict[str, Any], name: str) -> tuple[dict[str, int], list[dict[str, Any]]] | None:
    """Rates and tiers; None where what a call costs is not known by its tokens."""
    prices = {key: value for key, value in prices.items() if key != "is" and value is not None}
    if not prices and name.endswith(":free"):
        return {"input": 0, "output": 0}, []
    if "input_mtok" not in prices or any(key not in RATES and not UNCOUNTED.fullmatch(key) for key in prices):
        return None
    named = {RATES[key]: value for key, value in prices.items() if key in RATES}
    starts = sorted({tier["start"] for value in named.values() if isinstance(value, dict) for tier in value["tiers"]})
    return (
        {key: nano(base(value)) for key, value in named.items()},
        [{"above": start, "rates": {key: nano(at(value, start)) for key, value in named.items()}} for start in starts],
    )


def at(price: Any, start: int) -> Decimal:
    """A class's price for calls above a threshold."""
    found = base(price)
    if isinstance(price, dict):
        for tier in sorted(price["tiers"], key=lambda one: int(one["start"])):
            if tier["start"] <= start:
                found = tier["price"]
    return found


def model_row(model: dict[str, Any], today: datetime.date) -> list[Any]:
    match = conditions(model["match"])
    row = [model["id"], match, model.get("context_window") or 0]
    found = table_of(in_force(model["prices"], today), model["id"])
    if found is not None:
        rates, tiers = found
        row += [rates, tiers] if tiers else [rates]
    return row


def date_of(release: str) -> datetime.date:
    """The date of the table that is there, if it is of this version; else today."""
    if TABLE.exists():
        source = json.loads(TABLE.read_text(encoding="utf-8"))["source"]
        if source["version"] == release:
            return datetime.date.fromisoformat(source["as_of"])
    return datetime.datetime.now(datetime.UTC).date()


def build(folder: Path, today: datetime.date) -> str:
    """The table as its file has it, a provider a line: what a new version changes can be read in the difference."""
    source = {"as_of": today.isoformat(), "package": PACKAGE, "version": version(folder), "licence": "MIT"}
    lines = []
    for provider in providers(folder):
        row = {
            "id": provider["id"],
            "url": provider["api_pattern"],
            "has": literal(provider["api_pattern"]),
            "also": provider.get("fallback_model_providers") or [],
            "models": [model_row(model, today) for model in provider["models"]],
        }
        head = json.dumps({**row, "models": None}, separators=(",", ":")).removesuffix("null}")
        models = ",\n".join(json.dumps(one, separators=(",", ":")) for one in row["models"])
        lines.append(f"{head}[\n{models}]}}")
    return f'{{"source":{json.dumps(source)},\n"providers":[\n' + ",\n".join(lines) + "]}\n"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    day = datetime.date.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else date_of(version(place))
    TABLE.write_text(build(place, day), encoding="utf-8")
    print(f"{TABLE.name}: {PACKAGE} {version(place)}, prices as of {day}")
