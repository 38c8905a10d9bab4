"""Sizes of the calls of `headworks probe`: spread over those of the file's traffic.

Theory. Of a shape the calls have the midpoints of equal parts of both log-normals, so that twenty calls cover it better
than twenty draws; which prompt goes with which answer is mixed, but always the same. Of a trace, or of the ledger, they are rows at equal steps,
by the size of the prompt, each with its own answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from headworks.core.errors import PlanError
from headworks.core.record import Record
from headworks.gateway.probe import ProbeSize
from headworks.system.schema.system import System
from headworks.system.verdicts.closed_forms import LogNormal
from headworks.system.verdicts.inputs import StatedInputs
from headworks.twin.workload.demand import DEFAULT_OUTPUT, DEFAULT_PROMPT
from headworks.twin.workload.trace_file import read_trace


def probe_sizes(
    system: System, alias: str, calls: int, read: Callable[[str], bytes], records: Sequence[Record] = ()
) -> list[ProbeSize]:
    """The sizes of so many calls to a target of an alias. read: gives the bytes of a file that the system file names; records: the
    ledger's, where the traffic is replayed from it. Raises PlanError."""
    trace = system.requirements.traffic.trace
    if trace is not None:
        try:
            rows = read_trace(read(trace), trace).sizes
        except OSError as error:
            raise PlanError(f"the trace {trace} cannot be read: {error.strerror or error}") from error
        return _at_steps([(one.prompt, one.output) for one in rows], calls)
    used = [one.tokens for one in records if one.model == alias and one.tokens is not None]
    if used:
        return _at_steps([(one.input_tokens, one.output_tokens) for one in used], calls)
    stated = StatedInputs(system)
    prompt = stated.tokens(alias, "prompt_tokens") or LogNormal.of(DEFAULT_PROMPT.p50, DEFAULT_PROMPT.p95, 95)
    output = stated.tokens(alias, "output_tokens") or LogNormal.of(DEFAULT_OUTPUT.p50, DEFAULT_OUTPUT.p95, 95)
    outputs = _covering(output, calls)
    Random(0).shuffle(outputs)
    return [ProbeSize(*both) for both in zip(_covering(prompt, calls), outputs, strict=True)]


def _at_steps(rows: Sequence[tuple[int, int]], calls: int) -> list[ProbeSize]:
    ordered = sorted(rows)
    chosen = [ordered[int((number + 0.5) / calls * len(ordered))] for number in range(calls)]
    return [ProbeSize(prompt, max(1, output)) for prompt, output in chosen]


def _covering(spread: LogNormal, calls: int) -> list[int]:
    return [max(1, round(spread.at(100 * (number + 0.5) / calls))) for number in range(calls)]
