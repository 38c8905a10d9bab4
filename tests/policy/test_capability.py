"""Whether a target is known to be unable to serve a call, and which calls need not be read to know that it is able."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.capability import FEATURES, Feature, Lack, Needs
from headworks.policy.capability import MOST_PER_TOKEN, NOUNS, TRANSLATED, UNBOUNDED, Capability, gaps_of

HINTS: dict[str, dict[Feature, tuple[bytes, ...]]] = {
    "d": {feature: (feature.encode(), b"x-" + feature.encode()) for feature in FEATURES},
    "silent": {},
}


@pytest.mark.parametrize(
    ("known", "needs", "lack"),
    [
        (Capability(), Needs(features={"images": "image_url"}, max_output=10**9, text=10**9), None),
        (Capability(lacks=["images"]), Needs(features={"tools": "tools"}), None),
        (Capability(lacks=["images"]), Needs(features={"images": "image_url"}), Lack("image_url", "takes no images")),
        (
            Capability(max_output=100),
            Needs(max_output=101, bound_name="max_tokens"),
            Lack("max_tokens", "answers with at most 100 tokens"),
        ),
        (Capability(max_output=100), Needs(max_output=100, bound_name="max_tokens"), None),
        (
            Capability(window=10),
            Needs(text=10 * MOST_PER_TOKEN + 1, text_name="content"),
            Lack("content", "has a context of 10 tokens"),
        ),
        (Capability(window=10), Needs(text=10 * MOST_PER_TOKEN), None),
    ],
)
def test_a_target_is_unable_only_where_that_is_known(known: Capability, needs: Needs, lack: Lack | None) -> None:
    assert known.lack(needs) == lack


@pytest.mark.parametrize("feature", sorted(TRANSLATED))
def test_what_translation_may_do_without_is_lacking_only_where_the_bytes_pass_as_they_are(feature: Feature) -> None:
    known = Capability(lacks=[feature], speaks=["openai.chat"])
    needs = Needs(dialect="openai.chat", features={feature: "f"})
    assert known.lack(needs) == Lack("f", NOUNS[feature])
    assert known.lack(Needs(dialect="anthropic.messages", features={feature: "f"})) is None


def test_nothing_known_has_no_gaps() -> None:
    assert gaps_of([Capability(), Capability(prefill="message")], HINTS) is None


def test_gaps_are_the_least_of_each_bound_and_the_hints_of_what_anybody_lacks() -> None:
    gaps = gaps_of(
        [Capability(100, lacks=["audio"]), Capability(50, max_output=7, lacks=["audio"]), Capability()], HINTS
    )
    assert gaps is not None
    assert (gaps.hints, gaps.least_output, gaps.most_bytes) == (
        {"d": HINTS["d"]["audio"], "silent": ()},
        7,
        50 * MOST_PER_TOKEN,
    )
    bare = gaps_of([Capability(lacks=["tools"])], HINTS)
    assert bare is not None
    assert (bare.least_output, bare.most_bytes) == (UNBOUNDED, UNBOUNDED)


CAPABILITIES = st.builds(
    Capability,
    window=st.integers(0, 3),
    lacks=st.sets(st.sampled_from(FEATURES)),
    max_output=st.integers(0, 3),
    speaks=st.sets(st.just("d")),
)


@settings(max_examples=40)
@given(st.lists(CAPABILITIES, max_size=3), st.sets(st.sampled_from(FEATURES)), st.integers(0, 4), st.integers(0, 64))
def test_a_call_outside_the_gaps_finds_every_target_able(
    known: list[Capability], asked: set[Feature], bound: int, size: int
) -> None:
    gaps = gaps_of(known, HINTS)
    body = b" ".join(HINTS["d"][feature][0] for feature in asked)
    is_within = gaps is None or not (
        bound > gaps.least_output or size > gaps.most_bytes or any(hint in body for hint in gaps.hints["d"])
    )
    if is_within:
        needs = Needs(dialect="d", features=dict.fromkeys(sorted(asked), "f"), max_output=bound, text=size)
        assert all(one.lack(needs) is None for one in known)
