"""What cannot be carried is said before anything is sent, by name."""

from __future__ import annotations

import pytest

from headworks.core.errors import Refused
from headworks.wire import hub
from headworks.wire.hub.fields import FIELDS, MOST_EXTRA
from headworks.wire.hub.values import merged
from tests.wire.hub.samples import OTHER, asked

TABLE = hub.Table(
    dialect="test.target",
    title="the target's API",
    rows={name: hub.Row("carried") for name in FIELDS}
    | {
        "sampling.top_k": hub.Row("left_out", "k"),
        "reasoning.budget": hub.Row("emulated", "e", "as a word"),
        "tools.hosted": hub.Row("refused", "tools", "it runs none"),
        "sampling.logit_bias": hub.Row("refused", "bias"),
    },
)


def test_hints_are_left_out_and_named() -> None:
    question = asked(
        sampling=hub.Sampling(top_k=1), reasoning=hub.Reasoning(budget=1, effort="low"), extra={OTHER: {"a": 1, "b": 2}}
    )
    assert hub.carried(question, TABLE) == hub.Carried(
        emulated=("reasoning.budget",), left_out=("sampling.top_k", "extra.test.other.a", "extra.test.other.b")
    )


def test_what_is_named_has_an_end() -> None:
    extra = {f"d{at}": {f"m{at}": 1} for at in range(1000)}
    assert len(hub.carried(asked(extra=extra), TABLE).left_out) == MOST_EXTRA


def test_the_first_refused_field_is_named_with_the_reason_and_another_target_may_be_asked() -> None:
    with pytest.raises(hub.Unsupported) as caught:
        hub.carried(asked(tools=(hub.HostedTool(kind="web_search", dialect=OTHER),)), TABLE)
    error = caught.value
    assert isinstance(error, Refused)
    assert (error.status, error.param, error.retry) == (400, "tools.hosted", "elsewhere")
    assert error.message == "`tools.hosted` cannot be sent to a vendor that speaks the target's API: it runs none."


def test_a_refusal_is_said_in_the_words_of_the_callers_dialect() -> None:
    caller = hub.Table(dialect=OTHER, title="ours", rows={"sampling.logit_bias": hub.Row("carried", "logit_bias")})
    with pytest.raises(hub.Unsupported) as caught:
        hub.carried(asked(sampling=hub.Sampling(logit_bias={})), TABLE)
    error = caught.value.said_in(caller)
    assert (error.field, error.param) == ("sampling.logit_bias", "logit_bias")
    assert error.message == "`logit_bias` cannot be sent to a vendor that speaks the target's API."


def test_what_is_said_twice_is_merged_and_the_later_word_wins() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"c": 3}, "d": [2], "e": 5}) == {
        "a": {"b": 1, "c": 3},
        "d": [2],
        "e": 5,
    }


def test_what_the_answer_depends_on_is_refused_by_the_callers_own_name_for_it() -> None:
    extra = {OTHER: {"previous_response_id": "resp_1", "novel": 1}}
    question = asked(extra=extra, required=("previous_response_id",))
    rows = {**TABLE.rows, "required": hub.Row("refused", note="there is no such field")}
    target = hub.Table(dialect="test.target", title="the target's API", rows=rows)
    with pytest.raises(hub.Unsupported) as caught:
        hub.carried(question, target)
    caller = hub.Table(dialect=OTHER, title="ours", rows={"required": hub.Row("carried")})
    for error in (caught.value, caught.value.said_in(caller)):
        assert (error.field, error.param) == ("required", "previous_response_id")
    own = hub.Table(dialect=OTHER, title="ours", rows=rows)
    assert hub.carried(question, own) == hub.Carried()
