"""Writes the reference of the system file into its pages: `python tools/reference.py`, after a change of keys or words."""

from pathlib import Path

from headworks.system.reference.markdown import FIRST, PAGES, placed

DOCS = Path(__file__).parent.parent / "docs"

if __name__ == "__main__":
    for name in (FIRST, *PAGES):
        page = DOCS / name
        page.write_text(placed(page.read_text(encoding="utf-8"), name), encoding="utf-8")
