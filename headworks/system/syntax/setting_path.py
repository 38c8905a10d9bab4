"""The path of a value as messages write it, read back: `models.assistant.targets[0].weight`, `models["gpt-4.1"].retry`."""

from __future__ import annotations

import re
from typing import Final

from headworks.system.syntax.findings import KeyPath
from headworks.system.syntax.scalars import Unreadable, shown

_STEP: Final = re.compile(r'(?:^|\.)([A-Za-z0-9_-]+)|\[([0-9]{1,4})\]|\["([^"\n]{1,128})"\]')

MOST_STEPS: Final = 16


def setting_path(text: str) -> KeyPath:
    """The steps of a path. Raises Unreadable."""
    steps: list[str | int] = []
    at = 0
    while at < len(text) or not steps:
        match = _STEP.match(text, at)
        if match is None or len(steps) >= MOST_STEPS or text.startswith("."):
            raise Unreadable(
                f"{shown(text)} is not the path of a setting",
                "write names with dots between them, such as models.assistant.mid_stream; a name with other characters in quotes: "
                'models["gpt-4.1"].mid_stream; an item of a list by its number: targets[0]',
            )
        name, index, quoted = match.groups()
        steps.append(int(index) if index is not None else name or quoted)
        at = match.end()
    return tuple(steps)
