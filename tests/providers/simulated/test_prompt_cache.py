"""A simulated vendor's prompt cache reads and writes what its vendor's published rules say."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.clock import now
from headworks.core.reply import Usage
from headworks.providers.simulated.answer_text import Percentiles
from headworks.providers.simulated.prompt_blocks import MOST_BLOCKS, blocks_of
from headworks.providers.simulated.prompt_cache import LOOKBACK, MARKS, Block, Mark, Prompt, PromptCache
from headworks.providers.simulated.provider import Simulated, VendorSettings, VendorState
from headworks.testing import ask, call, virtual
from headworks.wire.prompt_caching import PREFILL_SHARE, RULES, Rules

MODEL = "stand-in"


def prompt(*blocks: Block, head: bytes = b"") -> Prompt:
    return Prompt(head, blocks, sum(len(block.data) for block in blocks) // 4)


def block(letter: str, tokens: int, mark: Mark = "") -> Block:
    return Block(letter.encode() * tokens * 4, mark)


def cached(cache: PromptCache, asked: Prompt, at: float = 0.0) -> int:
    return cache.use(asked, at).cached_input


# --- any prefix, in steps ---------------------------------------------------------------------------------------------


def test_a_prompt_that_goes_on_reads_its_beginning_in_whole_steps() -> None:
    cache = PromptCache("openai", MODEL)
    assert cache.use(prompt(block("a", 1300)), 0.0) == Usage(input=1300)
    assert cache.use(prompt(block("a", 1300), block("b", 500)), 1.0) == Usage(input=520, cached_input=1280)
    assert cache.use(prompt(block("a", 1300), block("b", 500), block("c", 9)), 2.0).cached_input == 1792


def test_a_prompt_below_the_smallest_is_not_cached() -> None:
    cache = PromptCache("openai", MODEL)
    for _ in range(2):
        assert cache.use(prompt(block("a", 1023)), 0.0) == Usage(input=1023)
    assert len(cache) == 0


def test_a_common_beginning_below_the_smallest_is_not_read() -> None:
    cache = PromptCache("openai", MODEL)
    cached(cache, prompt(block("a", 1000), block("b", 1000)))
    assert cached(cache, prompt(block("a", 1000), block("c", 1000))) == 0
    assert cached(cache, prompt(block("a", 1000), block("b", 200), block("d", 1000))) == 1152


def test_other_tools_are_another_prompt() -> None:
    cache = PromptCache("openai", MODEL)
    cached(cache, prompt(block("a", 2048), head=b"tools"))
    assert cached(cache, prompt(block("a", 2048), head=b"others")) == 0
    assert cached(cache, prompt(block("a", 2048), head=b"tools")) == 2048


@pytest.mark.parametrize("rules", list(RULES))
def test_what_is_used_stays_warm_and_what_is_idle_gets_cold(rules: Rules) -> None:
    cache, life = PromptCache(rules, MODEL), RULES[rules].life
    asked = prompt(block("a", 8192, "5m"))
    assert [cached(cache, asked, at) > 0 for at in (0.0, life, 2 * life, 3 * life + 1)] == [False, True, True, False]


def test_a_cache_is_bounded_and_evicts_what_was_not_used_for_the_longest() -> None:
    cache = PromptCache("deepseek", MODEL, most=4)
    first, second, third = (prompt(block(letter, 128)) for letter in "abc")
    cached(cache, first)
    cached(cache, second)
    assert cached(cache, first) == 128
    assert cached(cache, third) == 0
    assert len(cache) == 4
    assert (cached(cache, first), cached(cache, second)) == (128, 0)


# --- marks ------------------------------------------------------------------------------------------------------------


def test_a_marked_prompt_is_written_once_and_read_after() -> None:
    cache = PromptCache("anthropic", MODEL)
    asked = prompt(block("a", 2000, "5m"), block("b", 50))
    assert cache.use(asked, 0.0) == Usage(input=50, cache_write=2000)
    assert cache.use(asked, 1.0) == Usage(input=50, cached_input=2000)


def test_a_mark_that_moves_on_reads_what_the_last_one_wrote_and_writes_the_rest() -> None:
    cache = PromptCache("anthropic", MODEL)
    cache.use(prompt(block("a", 2000), block("b", 100, "5m")), 0.0)
    asked = prompt(block("a", 2000), block("b", 100), block("c", 300), block("d", 10, "5m"))
    assert cache.use(asked, 1.0) == Usage(input=0, cached_input=2100, cache_write=310)


def test_nothing_is_cached_without_a_mark_or_below_the_smallest() -> None:
    cache = PromptCache("anthropic", MODEL)
    for asked in (prompt(block("a", 5000)), prompt(block("b", 1000, "5m"), block("c", 1000))):
        for _ in range(2):
            assert cache.use(asked, 0.0) == Usage(input=asked.tokens)


def test_an_hour_is_written_apart_and_lasts_an_hour() -> None:
    cache = PromptCache("anthropic", MODEL)
    asked = prompt(block("a", 2000, "1h"), block("b", 500, "5m"))
    assert cache.use(asked, 0.0) == Usage(input=0, cache_write=500, cache_write_1h=2000)
    assert cache.use(asked, 3600.0) == Usage(input=0, cached_input=2000, cache_write=500)


def test_a_mark_looks_only_so_many_blocks_back() -> None:
    cache = PromptCache("anthropic", MODEL)
    cache.use(prompt(block("a", 2000, "5m")), 0.0)
    between = [block("b", 1) for _ in range(LOOKBACK)]
    assert cached(cache, prompt(block("a", 2000), *between[1:], block("c", 1, "5m"))) == 2000
    assert cached(cache, prompt(block("a", 2000), *between, block("d", 1, "5m"))) == 0


@given(
    st.sampled_from(list(RULES)),
    st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 900), st.sampled_from(["", "5m", "1h"])), max_size=8),
        max_size=6,
    ),
)
def test_the_classes_always_sum_to_the_prompt(rules: Rules, calls: list[list[tuple[str, int, Mark]]]) -> None:
    cache = PromptCache(rules, MODEL, most=50)
    for said in calls:
        asked = prompt(*[block(letter, tokens, mark) for letter, tokens, mark in said])
        usage = cache.use(asked, 0.0)
        assert usage.input_tokens == asked.tokens
        assert min(usage.input, usage.cached_input, usage.cache_write, usage.cache_write_1h) >= 0
        assert len(cache) <= 50


# --- a chat's blocks --------------------------------------------------------------------------------------------------


def blocks(content: object) -> list[Block]:
    return blocks_of([("user", msgspec.Raw(msgspec.json.encode(content)))])


def test_text_is_the_same_block_however_it_is_written_and_marked() -> None:
    [text] = blocks("hello")
    [part] = blocks([{"type": "text", "text": "hello", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
    assert (part.data, part.mark) == (text.data, "1h")


@pytest.mark.parametrize("mark", [None, 7, [], "5m"])
def test_a_mark_of_another_form_is_none(mark: object) -> None:
    assert [one.mark for one in blocks([{"type": "text", "text": "hello", "cache_control": mark}])] == [""]


@pytest.mark.parametrize("content", [None, 7, [1, 2], {"a": 1}])
def test_content_of_another_form_is_one_block(content: object) -> None:
    assert len(blocks(content)) == 1


# --- the vendor -------------------------------------------------------------------------------------------------------


def vendor(rules: Rules | None) -> Simulated:
    fixed = Percentiles(p50=1.0, p99=1.0)
    settings = VendorSettings(
        first_token=fixed, per_token=Percentiles(p50=0, p99=0), output_tokens=fixed, prompt_cache=rules
    )
    return Simulated(VendorState("sim", settings), MODEL)


def chat(tokens: int, **more: object) -> Call:
    body = {"model": "m", "messages": [{"role": "user", "content": "a" * (tokens * 4 - 6)}], **more}
    return msgspec.structs.replace(call(), body=msgspec.json.encode(body))


@virtual
async def test_a_vendor_says_what_it_read_and_its_first_token_comes_earlier_for_it() -> None:
    simulated = vendor("openai")
    first = await ask(simulated, chat(2048))
    assert now() == 1.0
    again = await ask(simulated, chat(2048))
    assert now() == 1.0 + (1.0 - PREFILL_SHARE)
    assert (first.usage, again.usage) == (Usage(input=2048, output=1), Usage(cached_input=2048, output=1))
    said = msgspec.json.decode(again.data)["usage"]
    assert (said["prompt_tokens"], said["prompt_tokens_details"]["cached_tokens"]) == (2048, 2048)


@virtual
async def test_a_mark_for_the_whole_body_marks_its_last_block() -> None:
    simulated, asked = vendor("anthropic"), chat(2048, cache_control={"type": "ephemeral"})
    first = await ask(simulated, asked)
    assert first.usage == Usage(cache_write=2048, output=1)
    assert msgspec.json.decode(first.data)["usage"]["prompt_tokens_details"]["cache_write_tokens"] == 2048
    assert (await ask(simulated, asked)).usage == Usage(cached_input=2048, output=1)


@virtual
async def test_a_vendor_without_a_prompt_cache_says_what_it_always_said() -> None:
    simulated = vendor(None)
    for _ in range(2):
        answer = await ask(simulated, chat(2048))
        assert answer.usage == Usage(input=2048, output=1)
    assert now() == 2.0


def test_of_a_prompt_of_a_hundred_thousand_blocks_only_the_first_are_taken_apart() -> None:
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    assert len(blocks([part] * (MOST_BLOCKS + 1))) == 1
    several = [("user", msgspec.Raw(msgspec.json.encode([part])))] * 100_000
    assert len(made := blocks_of(several)) == MOST_BLOCKS
    cache = PromptCache("anthropic", MODEL)
    assert cache.use(Prompt(b"", made, 100_000), 0.0).input_tokens == 100_000
    assert len(cache) == MARKS
