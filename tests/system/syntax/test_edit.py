"""A value is changed in the text of a file, and everything else stays as its author wrote it."""

import pytest

from headworks.system.syntax.changed_tree import NoSuchPlace, content, with_value
from headworks.system.syntax.edit import CannotEdit, with_edit
from headworks.system.syntax.findings import Findings
from headworks.system.syntax.nodes import Node, compose
from headworks.system.syntax.setting_path import setting_path

FILE = """\
# top
models:
  assistant:
    targets:                        # tried in order
      - openai/m   # the first
      # a comment inside
      - [groq/x, {provider: y, model: z, weight: 2}]
    # after
    timeouts: {first_token: 30s}
  short: openai/m
  list: [openai/a, groq/b]     # said
  same:
    targets:
    - a/b
    - c/d
  blank:
    targets: [v]
    cache:
"server": {}
"""


def tree(text: str) -> Node:
    found = compose(text.encode(), Findings(""))
    assert found is not None
    return found


def lines(before: str, after: str) -> list[str]:
    """The lines that are new."""
    known = before.split("\n")
    return [line for line in after.split("\n") if line not in known]


@pytest.mark.parametrize(
    ("path", "value", "new"),
    [
        ("models.assistant.targets", "[openai/n, a/b]", ["      - openai/n", "      - a/b"]),
        ("models.assistant.mid_stream", "restart", ["    mid_stream: restart"]),
        ("models.assistant.timeouts.total", "3s", ["    timeouts: {first_token: 30s, total: 3s}"]),
        ("models.assistant.timeouts.first_token", "4s", ["    timeouts: {first_token: 4s}"]),
        ("models.assistant.timeouts", "{total: 9s}", ["    timeouts: {total: 9s}"]),
        ("models.short.mid_stream", "restart", ["  short: {targets: openai/m, mid_stream: restart}"]),
        ("models.list.retry.attempts", "5", ["  list: {targets: [openai/a, groq/b], retry: {attempts: 5}}     # said"]),
        ("models.list.targets[0].weight", "3", ["  list: {targets: [{provider: openai, model: a, weight: 3}, groq/b]}     # said"]),
        ("models.assistant.targets[1][0].weight", "3", ["      - [{provider: groq, model: x, weight: 3}, {provider: y, model: z, weight: 2}]"]),
        ("models.assistant.targets[0].expect", "{availability: 99%}", ["      - {provider: openai, model: m, expect: {availability: 99%}}   # the first"]),
        ("models.same.targets", "[x/y]", ["    - x/y"]),
        ("models.same.targets", "x/y", ["      x/y"]),
        ("models.blank.cache", "{exact: 1h}", ["    cache: {exact: 1h}"]),
        ("models.blank.price", "{input: $1/M}", ["    price: {input: $1/M}"]),
        ("server.workers", "2", ['"server": {workers: 2}']),
        ("log.sync", "2s", ["log: {sync: 2s}"]),
        ("models.short.x", '"yes, it: is"', ['  short: {targets: openai/m, x: "yes, it: is"}']),
    ],
)  # fmt: skip
def test_only_the_line_of_the_value_changes(path: str, value: str, new: list[str]) -> None:
    made = with_edit(FILE, setting_path(path), tree(value))
    assert lines(FILE, made) == new
    wanted = with_value(tree(FILE), setting_path(path), tree(value), tree(value).place)
    assert content(tree(made)) == content(wanted)


def test_items_that_stay_keep_their_comments_in_another_order() -> None:
    swapped = with_edit(
        FILE, setting_path("models.assistant.targets"), tree("[[groq/x, {provider: y, model: z, weight: 2}], openai/m]")
    )
    assert (
        "      - [groq/x, {provider: y, model: z, weight: 2}]\n      - openai/m   # the first\n    # after" in swapped
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_ends_of_lines_are_kept(ending: str) -> None:
    before = f"a: {{x: 1}}{ending or chr(10)}b:{ending or chr(10)}  c: 1{ending}"
    made = with_edit(before, ("b", "d"), tree("2"))
    assert made == f"{before[: len(before) - len(ending)]}{ending or chr(10)}  d: 2{ending}"


@pytest.mark.parametrize("text", ["a: &one {x: 1}\nb: *one\n", "a: &one {x: 1}\nb: {<<: *one}\n"])
def test_what_an_anchor_writes_in_several_places_is_not_changed(text: str) -> None:
    with pytest.raises(CannotEdit):
        with_edit(text, ("b", "x"), tree("2"))
    with pytest.raises(CannotEdit):
        with_edit(text, ("a",), tree("2"))


def test_a_place_that_is_not_there_is_said() -> None:
    with pytest.raises(NoSuchPlace) as caught:
        with_edit(FILE, setting_path("models.assistant.targets[4].weight"), tree("2"))
    assert caught.value.where == ("models", "assistant", "targets", 4)
