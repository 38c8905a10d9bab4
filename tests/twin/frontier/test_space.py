"""What may vary: what the file's choices say, or its own knobs."""

from headworks.twin.frontier.space import Knob
from tests.twin.frontier.files import FAST, SLOW, asked, space, text


def said(knob: Knob) -> list[str]:
    return [value.said for value in knob.values]


def test_targets_come_in_every_order_and_number() -> None:
    [knob] = space(text()).knobs
    assert knob.name == "models.a.targets"
    assert said(knob) == ["slow/m", "fast/m", "slow/m, then fast/m", "fast/m, then slow/m"]
    assert [value.node is None for value in knob.values] == [True, False, False, False]  # the first is the file's own


def test_their_number_may_be_bounded_and_two_may_share_the_load() -> None:
    [knob] = space(text(more="choices: {targets: {a: {any_of: [slow/m, fast/m], at_least: 2, weights: [1, 3]}}}")).knobs
    assert said(knob)[:2] == ["slow/m, then fast/m", "fast/m, then slow/m"]
    assert said(knob)[2:] == [f"slow/m ({a}) and fast/m ({b}) together" for a, b in ((1, 1), (1, 3), (3, 1), (3, 3))]


def test_a_target_that_is_named_in_short_keeps_what_the_file_says_of_it() -> None:
    one = asked(text(more="choices: {targets: {a: [slow/m, fast/m]}}"))
    found = space(text(more="choices: {targets: {a: [slow/m, fast/m]}}"))
    at = said(found.knobs[0]).index("fast/m, then slow/m")
    made = one.source.candidate(found, (at,)).text
    assert f"      - fast/m\n      - {SLOW}   # ours\n" in made


def test_settings_have_the_values_that_are_named_and_no_others() -> None:
    more = "choices: {vary: {models.a.mid_stream: [restart, error], models.a.timeouts.total: [90s, 30s]}}"
    one = asked(text(more=more))
    found = one.source.without_defaults(space(text(more=more)), one.parse, one.system.digest)
    assert [(knob.name, said(knob)) for knob in found.knobs] == [
        ("models.a.mid_stream", ["restart", "error"]),
        ("models.a.timeouts.total", ["90s", "30s"]),
    ]
    # What the file has, written or by default, is no change.
    assert [[value.node is None for value in knob.values] for knob in found.knobs] == [[False, True], [True, False]]
    assert found.size == 4
    assert {found.chosen(number) for number in range(4)} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_without_choices_the_files_own_knobs_vary() -> None:
    own = text(more="", first=f"{SLOW}\n      - {FAST}").replace("streamed: 100%", "streamed: 100%, repeated: 10%")
    found = space(own)
    assert found.is_own
    assert {knob.name: said(knob) for knob in found.knobs} == {
        "models.a.targets": ["slow/m", "fast/m", "slow/m, then fast/m", "fast/m, then slow/m"],
        "models.a.mid_stream": ["error", "restart"],
        "models.a.retry.attempts": ["1", "3", "5"],
        "models.a.timeouts.first_token": ["8s", "4s"],
        "models.a.cache.exact": ["off", "1h"],
    }


def test_changes_are_said_as_a_person_says_them() -> None:
    one = asked(text(more="choices: {targets: {a: [slow/m, fast/m]}, vary: {models.a.mid_stream: [error, restart]}}"))
    found = space(text(more="choices: {targets: {a: [slow/m, fast/m]}, vary: {models.a.mid_stream: [error, restart]}}"))
    assert one.source.candidate(found, (3, 1)).changes == (
        "a asks fast/m, then slow/m",
        "models.a.mid_stream: restart",
    )
