"""Writes the reference of the system file into its page: `python tools/reference.py`, after a change of keys or words."""

from pathlib import Path

from headworks.system.reference.markdown import placed

PAGE = Path(__file__).parent.parent / "docs" / "system-file.md"

if __name__ == "__main__":
    PAGE.write_text(placed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
