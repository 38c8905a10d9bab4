"""A figure of matplotlib as SVG for the inside of a page.

Always true: the same figure gives the same bytes in any process and with any settings of matplotlib; nothing in it
is a script, a font, an address, an id, a `style` element or a `style` attribute, so a strict Content-Security-Policy
takes it and two plots on a page do not meddle with each other; every text is text.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.figure import Figure

from headworks.charts.style import LIGHT

SETTINGS: Final[Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "headworks",
    "text.parse_math": False,
}
"""Texts are measured by the font that comes with matplotlib, whatever is installed, and written as text: a dollar is no formula."""

ATTRIBUTES: Final = frozenset(
    """
    fill fill-opacity stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin
    opacity font-size font-weight font-style text-anchor
    """.split()
)
"""What is said of a shape, as attributes of its own. The family of fonts is the page's."""

COLOURS: Final = {value: f"var(--{name}, {value})" for name, value in LIGHT.items()}

PLACES: Final[tuple[str, ...]] = ("x", "y", "transform")

SVG: Final = "{http://www.w3.org/2000/svg}"

BLANKS: Final = re.compile(r"\s+")


@contextlib.contextmanager
def our_settings() -> Iterator[None]:
    """Whatever a user's `matplotlibrc` says: in here matplotlib draws by its own defaults and ours."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many pixels, as a page counts them."""
    return Figure(figsize=(width / 72, height / 72), facecolor="none")


def page_svg(figure: Figure, label: str) -> str:
    """The figure as one `svg` element, made within `our_settings`. label: the text for screen readers."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    drawn = ET.fromstring(written.getvalue())
    root = ET.Element("svg", {"viewBox": drawn.attrib["viewBox"], "role": "img", "aria-label": label})
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    _copy_children(drawn, root)
    return ET.tostring(root, encoding="unicode")


def _copy_children(drawn: ET.Element, into: ET.Element) -> None:
    for child in drawn:
        kind = child.tag.removeprefix(SVG)
        if kind == "g":
            if child.get("transform") is None:  # groups that hold an id, and nothing else
                _copy_children(child, into)
                continue
        elif kind not in ("path", "text", "tspan"):
            continue
        made = ET.SubElement(into, kind, _attributes(child))
        made.text = child.text if kind in ("text", "tspan") else None
        _copy_children(child, made)


def _attributes(drawn: ET.Element) -> dict[str, str]:
    found: dict[str, str] = {name: drawn.attrib[name] for name in PLACES if name in drawn.attrib}
    if "rotate(-0" in found.get("transform", ""):
        del found["transform"]
    if "d" in drawn.attrib:
        found["d"] = BLANKS.sub(" ", drawn.attrib["d"]).strip()
    for said in drawn.get("style", "").split(";"):
        name, _, value = said.strip().partition(": ")
        if name in ATTRIBUTES:
            found[name] = COLOURS.get(value, value)
    return found
