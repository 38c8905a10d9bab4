"""Plots: the same data give the same bytes, and a page that admits nothing admits them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from headworks.charts.charts import Axis, Bound, IntervalRow, Line, interval_chart, line_chart, log_axis
from headworks.charts.style import DARK, LIGHT

SHARE = Axis(low=0, high=1, written=lambda value: f"{value:.0%}", name="share")
SECONDS = log_axis([0.1, 3.0], lambda value: f"{value:g} s", "seconds")
LINE = Line(name="predicted", points=[(0.1, 0.0), (0.4, 0.5), (3.0, 1.0)])
ROW = IntervalRow(name="a <b> & c", value=0.5, low=0.4, high=0.7, said="50% [40, 70]")


def plots() -> list[str]:
    bound = Bound(name="800 ms", at=0.8, along="x")
    return [
        line_chart([LINE, Line(name="measured", points=LINE.points, colour="b")], SECONDS, SHARE, label="one", bounds=[bound]),
        interval_chart([ROW], SHARE, label='"two" & <three>', bounds=[Bound(name="gate", at=0.6, along="x")]),
    ]  # fmt: skip


def test_the_same_data_give_the_same_bytes_whatever_the_settings_of_matplotlib_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = plots()
    monkeypatch.setitem(mpl.rcParams, "font.size", 30.0)
    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "path")
    assert plots() == first
    assert mpl.rcParams["font.size"] == 30.0  # what is drawn here changes nothing for others


def test_nothing_in_a_plot_needs_a_permission_or_meddles_with_the_page() -> None:
    for drawn in plots():
        for part in ET.fromstring(drawn).iter():
            assert part.tag in {"svg", "g", "path", "text", "tspan"}
            assert not {"style", "id", "class", "href"} & part.attrib.keys()
        for outside in ("http", "url(", "script", "<style", "@"):
            assert outside not in drawn


def test_texts_are_escaped_and_stay_texts() -> None:
    drawn = plots()[1]
    assert ">a &lt;b&gt; &amp; c</text>" in drawn
    assert 'aria-label="&quot;two&quot; &amp; &lt;three&gt;"' in drawn


def test_a_dollar_is_a_dollar_and_no_formula() -> None:
    drawn = interval_chart([IntervalRow(name="$5 and $6_a", value=0.5, low=0.4, high=0.7, said="$5")], SHARE, label="x")
    assert ">$5 and $6_a</text>" in drawn


def test_colours_follow_the_page() -> None:
    drawn = "".join(plots())
    assert f'stroke="var(--a, {LIGHT["a"]})"' in drawn
    assert set(LIGHT) == set(DARK)
    for part in ET.fromstring(plots()[0]).iter():
        for name in ("fill", "stroke"):
            assert part.get(name, "none") == "none" or "var(--" in part.attrib[name]


def test_what_lies_outside_an_axis_is_drawn_on_its_edge() -> None:
    far = line_chart([Line(name="x", points=[(1e-9, -4.0), (1e9, 9.0)])], SECONDS, SHARE, label="far")
    edge = line_chart([Line(name="x", points=[(SECONDS.low, 0.0), (SECONDS.high, 1.0)])], SECONDS, SHARE, label="far")
    assert far == edge
