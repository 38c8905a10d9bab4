"""Token classes are disjoint, never negative, and sum to what the vendor says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headworks.core.reply import Usage
from headworks.wire.openai.usage import InputDetails, OutputDetails, UsageSaid, read_usage

COUNTS = st.none() | st.integers(-5, 50)


@given(
    st.builds(
        UsageSaid,
        prompt_tokens=COUNTS,
        completion_tokens=COUNTS,
        total_tokens=COUNTS,
        prompt_cache_hit_tokens=COUNTS,
        prompt_tokens_details=st.none()
        | st.builds(InputDetails, cached_tokens=COUNTS, cache_write_tokens=COUNTS, audio_tokens=COUNTS),
        completion_tokens_details=st.none() | st.builds(OutputDetails, reasoning_tokens=COUNTS, audio_tokens=COUNTS),
    )
)
def test_classes_sum_to_what_the_vendor_says(said: UsageSaid) -> None:
    usage = said.usage() or Usage()
    classes = (
        *(usage.input, usage.cached_input, usage.cache_write, usage.audio_input),
        *(usage.output, usage.reasoning, usage.audio_output),
    )
    assert min(classes) >= 0
    prompt, completion = max(said.prompt_tokens or 0, 0), max(said.completion_tokens or 0, 0)
    assert usage.input_tokens == prompt
    assert sum(classes) == max(prompt + completion, said.total_tokens or 0)


def test_openai_counts_reasoning_and_audio_inside_the_sums() -> None:
    said = UsageSaid(
        prompt_tokens=100,
        completion_tokens=50,
        total_tokens=150,
        prompt_tokens_details=InputDetails(cached_tokens=60, cache_write_tokens=10, audio_tokens=5),
        completion_tokens_details=OutputDetails(reasoning_tokens=30, audio_tokens=8),
    )
    assert said.usage() == Usage(
        input=25, cached_input=60, cache_write=10, audio_input=5, output=12, reasoning=30, audio_output=8
    )


def test_reasoning_that_a_vendor_counts_beside_the_output_is_output() -> None:
    said = UsageSaid(
        prompt_tokens=30,
        completion_tokens=9,
        total_tokens=339,
        completion_tokens_details=OutputDetails(reasoning_tokens=300),
    )
    assert said.usage() == Usage(input=30, output=9, reasoning=300)


def test_a_count_that_nobody_can_have_used_is_bounded() -> None:
    said = UsageSaid(prompt_tokens=10**30, completion_tokens=1, total_tokens=10**30)
    assert said.usage() == Usage(input=10**12, output=1)


def test_deepseek_names_cached_tokens_otherwise() -> None:
    said = UsageSaid(prompt_tokens=20, completion_tokens=1, total_tokens=21, prompt_cache_hit_tokens=16)
    assert said.usage() == Usage(input=4, cached_input=16, output=1)


def test_a_usage_without_any_token_is_none() -> None:
    for said in (UsageSaid(), UsageSaid(prompt_tokens=0, completion_tokens=0), UsageSaid(prompt_tokens=-3)):
        assert said.usage() is None


def test_of_embeddings_the_total_is_input() -> None:
    assert UsageSaid(total_tokens=7).usage(is_answer=False) == Usage(input=7)
    assert UsageSaid(prompt_tokens=7, total_tokens=7).usage(is_answer=False) == Usage(input=7)


def test_what_is_no_count_is_left_out_and_a_number_in_another_type_is_one() -> None:
    said = read_usage(
        {
            "prompt_tokens": "19",
            "completion_tokens": 2.0,
            "total_tokens": "about 20",
            "cached_tokens": float("inf"),
            "prompt_tokens_details": {"cached_tokens": "5", "audio_tokens": [1]},
            "completion_tokens_details": "none",
        }
    )
    assert said.usage() == Usage(input=14, cached_input=5, output=2)
    assert read_usage({"prompt_tokens": "9" * 30}).usage() is None


def test_tokens_of_a_cache_that_a_prompt_cannot_hold_stand_beside_it() -> None:
    beside = UsageSaid(prompt_tokens=5, completion_tokens=1, cache_read_input_tokens=90, cache_creation_input_tokens=7)
    assert beside.usage() == Usage(input=5, cached_input=90, cache_write=7, output=1)
    in_total = UsageSaid(
        prompt_tokens=100, completion_tokens=1, total_tokens=191, cache_read_input_tokens=90, reasoning_tokens=0
    )
    assert in_total.usage() == Usage(input=100, cached_input=90, output=1)
    inside = UsageSaid(prompt_tokens=100, completion_tokens=1, total_tokens=101, cache_read_input_tokens=90)
    assert inside.usage() == Usage(input=10, cached_input=90, output=1)


def test_reasoning_beside_the_sums_is_in_the_completion_where_that_holds_it() -> None:
    assert UsageSaid(prompt_tokens=1, completion_tokens=9, reasoning_tokens=4).usage() == Usage(
        input=1, output=5, reasoning=4
    )
    assert UsageSaid(prompt_tokens=1, completion_tokens=9, reasoning_tokens=14).usage() == Usage(
        input=1, output=9, reasoning=14
    )
