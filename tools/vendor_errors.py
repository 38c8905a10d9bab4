"""Writes the table of vendors' errors in `docs/compatibility.md`, from `headworks/wire/vendor_errors.py`.

python tools/vendor_errors.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headworks.wire.vendor_errors import VENDORS, Form, Meaning, Vendor
from tools.failure import placed

PAGE = Path(__file__).parent.parent / "docs" / "compatibility.md"
TOOL = "tools/vendor_errors.py"

COLUMNS: dict[Meaning, str] = {
    "filtered": "filtered",
    "too_long": "context too long",
    "no_credit": "quota gone",
    "bad_key": "key wrong",
    "unknown_model": "model unknown",
    "overloaded": "overloaded",
    "rate_limited": "rate",
    "unsuited": "cannot take this call",
}


def main() -> None:
    PAGE.write_text(placed(PAGE.read_text(encoding="utf-8"), "errors", list(rows()), TOOL), encoding="utf-8")


def rows() -> Iterator[str]:
    yield f"| vendor | {' | '.join(COLUMNS.values())} | source |"
    yield f"|---|{'---|' * len(COLUMNS)}---|"
    for vendor in VENDORS:
        yield f"| {vendor.name} | {' | '.join(cell(vendor, meaning) for meaning in COLUMNS)} | {', '.join(map(source, vendor.source))} |"


def cell(vendor: Vendor, meaning: Meaning) -> str:
    return "; ".join(shown(form) for form in vendor.forms if form.meaning == meaning)


def shown(form: Form) -> str:
    """The status, then what of type, code and words the form states."""
    names = " ".join(f"`{name}`" for name in dict.fromkeys((form.type, form.code)) if name)
    words = form.words.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    return " ".join(filter(None, (str(form.status), names, f'"{words}"' if words else "")))


def source(place: str) -> str:
    """A link: an issue or pull request is `owner/name#number`."""
    if place.startswith("https://"):
        return f"[{place.removeprefix('https://').partition('/')[0]}]({place})"
    repository, _, number = place.partition("#")
    return f"[{place}](https://github.com/{repository}/issues/{number})"


if __name__ == "__main__":
    main()
