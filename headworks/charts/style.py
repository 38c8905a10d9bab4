"""The colours of plots and of the pages that they stand in, for light and for dark screens.

Always true: a plot names its colours by CSS variables, so that a page's style decides; each has a fallback, so that a plot
can be looked at alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Colour = Literal["ink", "soft", "line", "a", "b", "good", "bad", "unsure", "paper"]

LIGHT: Final[Mapping[Colour, str]] = MappingProxyType(
    {
        "ink": "#1c1d20",
        "soft": "#6a6d75",
        "line": "#dcdcd8",
        "a": "#1f5fbf",
        "b": "#c2571a",
        "good": "#2d7d46",
        "bad": "#b3261e",
        "unsure": "#8a6100",
        "paper": "#fdfdfc",
    }
)

DARK: Final[Mapping[Colour, str]] = MappingProxyType(
    {
        "ink": "#e6e6e3",
        "soft": "#9a9da5",
        "line": "#33353a",
        "a": "#7fb0ff",
        "b": "#f0a36b",
        "good": "#7bc894",
        "bad": "#f28b82",
        "unsure": "#e0b64f",
        "paper": "#17181a",
    }
)


def _variables(colours: Mapping[Colour, str]) -> str:
    return "; ".join(f"--{name}: {value}" for name, value in colours.items())


PAGE_STYLE: Final = (
    f":root {{ color-scheme: light dark; {_variables(LIGHT)} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}\n"
    ".plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; margin-top: 1.2rem }\n"
    "figure { margin: 0 } figure svg { width: 100%; height: auto }"
)
"""CSS for a page with plots: its colours, and plots side by side where there is room."""
