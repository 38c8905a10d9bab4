"""Token classes are disjoint, never negative, and sum to what the vendor says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headworks.core.reply import Usage
from headworks.wire.openai_usage import InputDetails, OutputDetails, UsageSaid

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
    usage = said.usage()
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
