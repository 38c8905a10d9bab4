"""The name of a tool in a group, for dialects without groups: one that every vendor takes, and no other tool has."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.wire import hub


def test_a_name_says_the_group_and_the_tool() -> None:
    assert hub.flat_name("crm", "find") == "crm__find"


@pytest.mark.parametrize(("group", "name"), [("crm", "f" * 80), ("c.r.m", "find"), ("crm", "fin d")])
def test_what_is_no_name_elsewhere_ends_in_a_digest(group: str, name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", hub.flat_name(group, name))
    assert hub.flat_name(group, name) != hub.flat_name(group, name + "x")


@given(st.text(), st.text())
def test_every_name_is_one_that_every_vendor_takes(group: str, name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", hub.flat_name(group, name))
