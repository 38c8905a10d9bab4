"""Writes the tables of vendors in `docs/vendors.md`, from `headworks/wire/presets.py`.

python -m tools.presets
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headworks.wire.presets import PRESETS, Preset
from tools.failure import placed
from tools.vendor_errors import source

PAGE = Path(__file__).parent.parent / "docs" / "vendors.md"
TOOL = "tools/presets.py"


def main() -> None:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def written(page: str) -> str:
    """The page with its three tables as they are today."""
    for name, table in (("addresses", addresses()), ("responses", responses()), ("differences", differences())):
        page = placed(page, name, list(table), TOOL)
    return page


def addresses() -> Iterator[str]:
    yield "| `dialect:` | vendor | base URL | key | source |"
    yield "|---|---|---|---|---|"
    for preset in PRESETS:
        if preset.speaks == "openai" and preset.word != "openai":
            keys = " or ".join(f"`{name}`" for name in preset.keys) or "none"
            key = f"{keys}, if it is set" if preset.keys and preset.is_open else keys
            cells = f"`{preset.word}` | {preset.title} | `{preset.base_url}` | {key} | {source(preset.sources[0])}"
            yield f"| {cells} |"


def responses() -> Iterator[str]:
    yield "| vendor | Responses | source |"
    yield "|---|---|---|"
    for preset in PRESETS:
        if "responses" in preset.apis:
            yield f"| `{preset.word}` | as it is | {source(preset.sources[-1])} |"
        elif (page := preset.partly.get("responses")) is not None:
            yield f"| `{preset.word}` | in part; only with `apis` | {source(page)} |"


def differences() -> Iterator[str]:
    yield "| vendor | what differs | sources |"
    yield "|---|---|---|"
    for preset in PRESETS:
        if told := "; ".join(_told(preset)):
            yield f"| `{preset.word}` | {told} | {', '.join(source(one.partition(' ')[0]) for one in preset.sources)} |"


def _told(preset: Preset) -> Iterator[str]:
    if preset.bound:
        yield f"the bound on an answer is `{preset.bound}`"
    if not preset.counts:
        yield "no `stream_options`: its streams always tell the tokens"
    for name, other in preset.renamed.items():
        yield f"`{name}` is `{other}`"
    if hints := [field for field, row in preset.fates.items() if row.fate == "left_out"]:
        yield f"left out: {', '.join(f'`{field}`' for field in hints)}"
    if refused := [field for field, row in preset.fates.items() if row.fate == "refused"]:
        yield f"refused: {', '.join(f'`{field}`' for field in refused)}"
    for part, begins, form in preset.prefills:
        where = f" at `{part}`" if part else f" for `{begins}*`" if begins else ""
        yield f"`mid_stream: continue` as `{form}`{where}"


if __name__ == "__main__":
    main()
