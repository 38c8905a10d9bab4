"""Files of drills: what is wrong in them is told with its place."""

from pathlib import Path

import msgspec
import pytest

from headworks.core.errors import ConfigError
from headworks.drill.call_outcome import CallOutcome
from headworks.drill.evidence import figures
from headworks.drill.fault_schedule import FaultSchedule
from headworks.drill.library import library, load, read
from headworks.drill.verdict import judge
from headworks.drill.virtual_time import drill_in_virtual_time
from tests.drill.systems import STARTER, system

TARGETS = {"assistant": ["one/m", "two/m"]}

WRONG: dict[str, tuple[str, str]] = {
    "neither": ("{shows: x}", "2:9: drills.mine: a drill has either `faults` or a `trouble`"),
    "both": (
        "{shows: x, faults: [{fault: cut}], trouble: {what: dns}}",
        "2:9: drills.mine: a drill has either `faults` or a `trouble`",
    ),
    "no words": ("{faults: [{fault: cut}]}", "2:9: drills.mine.shows: `shows` is missing"),
    "an unknown fault": ("{shows: x, faults: [{fault: cutt}]}", "did you mean `cut`?"),
    "an unknown target": (
        "{shows: x, faults: [{fault: cut, targets: [three]}]}",
        "2:52: drills.mine.faults[0].targets[0]: the target `three` is not known here",
    ),
    "an unknown alias": (
        "{shows: x, faults: [{fault: cut}], traffic: {alias: asistant}}",
        "drills.mine.traffic.alias: the alias `asistant` is not known here\n    did you mean `assistant`?",
    ),
    "it ends before it begins": (
        "{shows: x, faults: [{fault: cut, from: 5s, until: 2s}]}",
        "drills.mine.faults[0].until: it ends before it begins",
    ),
    "a share of more than all": ("{shows: x, faults: [{fault: cut, share: 120%}]}", "`120%` is not a share"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(f"drills:\n  mine: {text}\n".encode(), "mine.yaml", TARGETS)
    assert said in str(raised.value).replace("mine.yaml:", "")


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigError, match="the file of drills cannot be read: No such file"):
        load(Path("absent.yaml"), TARGETS)


def test_a_schedule_knows_who_is_meant_and_when() -> None:
    drills = read(
        b"""
drills:
  mine:
    shows: x
    faults:
      - {fault: cut, from: 1s, until: 2s}
      - {fault: stall, targets: [two], from: 3s, until: 4s}
      - {fault: refused, targets: [all], from: 5s, until: 6s}
""",
        "mine.yaml",
        TARGETS,
    )
    schedule = FaultSchedule(drills["mine"], ["one/m", "two/m"], ["one/m"], seed=0)
    seen = {at: (schedule.of("one/m", at), schedule.of("two/m", at)) for at in (0.5, 1.0, 2.0, 3.5, 5.5)}
    assert seen == {
        0.5: (None, None),
        1.0: ("cut", None),
        2.0: (None, None),
        3.5: (None, "stall"),
        5.5: ("refused", "refused"),
    }
    assert schedule.downtimes("two") == [(5.0, 6.0)]


def test_a_hypothesis_that_is_too_bold_is_refuted_point_by_point() -> None:
    drills = read(
        b"""
drills:
  bold:
    shows: x
    faults: [{fault: missing_end, from: 2500ms, until: 6250ms}]
    traffic: {rate: 0.8}
    expect: {added: 1ms, attempts: 1, cost: 1, recovery: 1s, error: nothing}
  refused:
    shows: x
    faults: [{fault: content_filter}]
    expect: {whole: 0%, error: context_length_exceeded}
""",
        "mine.yaml",
        {},
    )

    def why(name: str) -> str:
        evidence = drill_in_virtual_time(system(STARTER), name, drills[name], 0)
        return "\n".join(judge(evidence, figures(evidence)).why)

    bold = why("bold")
    for word in (
        "s longer than before; the limit is 0.001 s",
        "attempts per call; the limit is 1",
        "times as much",
        "the limit is 1 s",
    ):
        assert word in bold
    assert "callers got 400 content_filter, expected context_length_exceeded" in why("refused")


def test_a_gateway_that_is_not_there_is_excused_only_while_it_is_restarted() -> None:
    drills = library()
    one = drill_in_virtual_time(system(STARTER), "cut", drills["cut"], 0)
    absent = [msgspec.structs.replace(fared, outcome=CallOutcome(kind="unserved")) for fared in one.results]
    gone = msgspec.structs.replace(one, results=absent)
    assert "14 calls could not connect" in "\n".join(judge(gone, figures(gone)).why)
    restarted = msgspec.structs.replace(gone, drill=drills["sigkill"], records=(), recovered=1.0)
    assert judge(restarted, figures(restarted)).why == []
