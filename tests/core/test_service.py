"""The driver of scopes is held against the same layers written with contextlib: any failure, at any moment."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.core.call import Call
from headworks.core.reply import Chunk, CompleteReply, Reply
from headworks.core.service import Enter, Layering, Opening, Service, entering, scope, stack
from headworks.testing import ask, call, mock, run_virtual, virtual
from tests.laws import examples

Kind = Literal["scope", "entering", "looks", "context"]
Fate = Literal["", "before", "between", "leaving", "translates", "tries twice"]


class Boom(Exception):
    """Raised on purpose; its text says where."""


class Plan:
    """What each layer of a stack does, and the log of what it did."""

    def __init__(self, layers: list[tuple[Kind, Fate]], opens: list["LeafPlan"]) -> None:
        self.layers = layers
        self.opens = list(opens)
        self.log: list[str] = []


class LeafPlan:
    """One opening of the leaf: turns of the loop that entering and leaving take, and where it fails."""

    def __init__(self, enter: int, leave: int, fails: str) -> None:
        self.enter = enter
        self.leave = leave
        self.fails = fails

    def __repr__(self) -> str:
        return f"LeafPlan({self.enter}, {self.leave}, {self.fails!r})"


class Leaf:
    """Logs its entering and leaving; may fail or be cancelled in both."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def open(self, call: Call) -> Opening:
        return LeafOpening(self.plan, self.plan.opens.pop(0) if self.plan.opens else LeafPlan(0, 0, ""))


class LeafOpening:
    def __init__(self, plan: Plan, fate: LeafPlan) -> None:
        self.plan = plan
        self.fate = fate

    async def __aenter__(self) -> Reply:
        for _ in range(self.fate.enter):
            await asyncio.sleep(0)
        if self.fate.fails == "enter":
            raise Boom("leaf enter")
        self.plan.log.append("leaf entered")
        return CompleteReply([Chunk(data=b"", last=True)])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.plan.log.append(f"leaf left {said(error)}")
        for _ in range(self.fate.leave):
            await asyncio.sleep(0)
        if self.fate.fails == "leave":
            raise Boom("leaf leave")


def said(error: BaseException | None) -> str:
    return f"{type(error).__name__} {error}" if error is not None else "well"


class Layer:
    """What the two writings of a layer share."""

    def __init__(self, inner: Service, plan: Plan, number: int) -> None:
        self.inner = inner
        self.plan = plan
        self.name = f"layer {number}"
        self.fate: Fate = plan.layers[number][1]

    def note(self, what: str) -> None:
        self.plan.log.append(f"{self.name} {what}")

    def fail_if(self, moment: Fate) -> None:
        if self.fate == moment:
            raise Boom(f"{self.name} {moment}")


class Scoped(Layer):
    @scope
    def open(self, call: Call) -> Layering:
        self.fail_if("before")
        self.note("took")
        how = "well"
        try:
            reply = yield self.inner.open(call)
            self.fail_if("between")
            yield reply
        except BaseException as error:
            how = said(error)
            if self.fate == "translates":
                raise Boom(f"{self.name} translated") from error
            raise
        finally:
            self.note(f"gave back {how}")
            self.fail_if("leaving")


class Contextual(Layer):
    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[Reply]:
        self.fail_if("before")
        self.note("took")
        how = "well"
        try:
            async with self.inner.open(call) as reply:
                self.fail_if("between")
                yield reply
        except BaseException as error:
            how = said(error)
            if self.fate == "translates":
                raise Boom(f"{self.name} translated") from error
            raise
        finally:
            self.note(f"gave back {how}")
            self.fail_if("leaving")


class Trying(Layer):
    @entering
    async def open(self, call: Call, enter: Enter) -> Reply:
        self.fail_if("before")
        self.note("tries")
        try:
            reply = await enter(self.inner.open(call))
        except Boom as error:
            self.note(f"saw {said(error)}")
            if self.fate != "tries twice":
                raise
            reply = await enter(self.inner.open(call))
        self.fail_if("between")
        return reply


class TryingContextual(Layer):
    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[Reply]:
        self.fail_if("before")
        self.note("tries")
        async with AsyncExitStack() as held:
            try:
                reply = await held.enter_async_context(self.inner.open(call))
            except Boom as error:
                self.note(f"saw {said(error)}")
                if self.fate != "tries twice":
                    raise
                reply = await held.enter_async_context(self.inner.open(call))
            self.fail_if("between")
            yield reply


class Looking(Layer):
    def open(self, call: Call) -> Opening:
        self.fail_if("before")
        self.note("looks")
        return self.inner.open(call)


OURS: dict[Kind, type[Layer]] = {"scope": Scoped, "entering": Trying, "looks": Looking, "context": Contextual}
THEIRS: dict[Kind, type[Layer]] = {**OURS, "scope": Contextual, "entering": TryingContextual}


def assembled(plan: Plan, classes: dict[Kind, type[Layer]]) -> Service:
    service: Service = Leaf(plan)
    for number in reversed(range(len(plan.layers))):
        service = classes[plan.layers[number][0]](service, plan, number)  # type: ignore[assignment]
    return service


async def lived(plan: Plan, classes: dict[Kind, type[Layer]], body: str, cancelled_after: int | None) -> list[str]:
    """Opens the stack once, with a reader that ends as `body` says; returns the log and how it ended."""

    async def use() -> None:
        async with assembled(plan, classes).open(call()) as reply:
            plan.log.append(f"read {len(await reply.read())}")
            await asyncio.sleep(0)
            if body == "raises":
                raise Boom("body")

    task = asyncio.create_task(use())
    if cancelled_after is not None:
        for _ in range(cancelled_after):
            await asyncio.sleep(0)
        task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    return [*plan.log, f"ended {said(ended)}"]


LAYERS = st.lists(
    st.tuples(
        st.sampled_from(["scope", "scope", "entering", "looks", "context"]),
        st.sampled_from(["", "", "", "before", "between", "leaving", "translates", "tries twice"]),
    ),
    max_size=6,
)
LEAVES = st.lists(
    st.builds(LeafPlan, st.integers(0, 2), st.integers(0, 2), st.sampled_from(["", "", "enter", "leave"])), max_size=4
)


@given(LAYERS, LEAVES, st.sampled_from(["reads", "raises"]), st.none() | st.integers(0, 6))
@settings(max_examples=examples(300))
def test_whatever_fails_when_the_layers_live_as_context_managers_would(
    layers: list[tuple[Kind, Fate]], leaves: list[LeafPlan], body: str, cancelled_after: int | None
) -> None:
    """The same steps, told the same errors, in the same order, with the same end.

    One difference is by design: a scope that raises between its two yields has ended when it raises, so it gives back
    before what is inside it is left. The next law looks at those too.
    """
    layers = [(kind, "" if kind == "scope" and fate == "between" else fate) for kind, fate in layers]
    ours = run_virtual(lived(Plan(layers, leaves), OURS, body, cancelled_after))
    theirs = run_virtual(lived(Plan(layers, leaves), THEIRS, body, cancelled_after))
    assert ours == theirs


@given(LAYERS, LEAVES, st.sampled_from(["reads", "raises"]), st.none() | st.integers(0, 6))
@settings(max_examples=examples(300))
def test_what_was_taken_is_given_back_once_and_in_reverse(
    layers: list[tuple[Kind, Fate]], leaves: list[LeafPlan], body: str, cancelled_after: int | None
) -> None:
    held: list[str] = []
    for step in run_virtual(lived(Plan(layers, leaves), OURS, body, cancelled_after)):
        name = step.split(" gave back ")[0].removesuffix(" took").split(" left ")[0].removesuffix(" entered")
        if step.endswith((" took", " entered")):
            assert name not in held
            held.append(name)
        elif " gave back " in step or " left " in step:
            if f"{name} between" not in step:  # raised by this scope itself: what is inside is left right after
                assert held[-1] == name
            held.remove(name)
    assert held == []


# What the driver refuses


def layer_of(open: Any) -> Any:
    """A layer class around a generator function of (inner, call)."""

    class Odd:
        def __init__(self, inner: Service) -> None:
            self.inner = inner

        @scope
        def open(self, call: Call) -> Layering:
            yield from open(self.inner, call)

    return Odd


def swallows_before(inner: Service, asked: Call) -> Layering:
    try:
        reply = yield inner.open(asked)
    except Boom:
        return
    yield reply


def swallows_after(inner: Service, asked: Call) -> Layering:
    reply = yield inner.open(asked)
    try:
        yield reply
    except Boom:
        pass


def answers(inner: Service, asked: Call) -> Layering:
    try:
        reply = yield inner.open(asked)
    except Boom:
        reply = yield inner.open(asked)
    yield reply


def yields_thrice(inner: Service, asked: Call) -> Layering:
    reply = yield inner.open(asked)
    yield reply
    yield reply


def will_not_close(inner: Service, asked: Call) -> Layering:
    reply = yield inner.open(asked)
    yield reply
    try:
        yield reply
    except GeneratorExit:
        yield reply


def yields_once(inner: Service, asked: Call) -> Layering:
    yield inner.open(asked)


def yields_never(inner: Service, asked: Call) -> Layering:
    yield from ()


@pytest.mark.parametrize(
    ("odd", "fails", "message"),
    [
        (swallows_before, "enter", "swallowed"),
        (swallows_after, "body", "swallowed"),
        (answers, "enter", "yields twice"),
        (yields_thrice, "", "yields twice"),
        (will_not_close, "", "GeneratorExit"),
        (yields_once, "", "yields twice"),
        (yields_never, "", "yields twice"),
    ],
)
def test_a_scope_that_breaks_the_rules_is_named_and_costs_its_neighbours_nothing(
    odd: Any, fails: str, message: str
) -> None:
    async def scene() -> Plan:
        plan = Plan([("scope", ""), ("scope", "")], [LeafPlan(0, 0, fails)])
        service = stack(
            lambda inner: Scoped(inner, plan, 0), layer_of(odd), lambda inner: Scoped(inner, plan, 1), inside=Leaf(plan)
        )
        with pytest.raises(RuntimeError, match=message) as caught:
            async with service.open(call()) as reply:
                await reply.read()
                if fails == "body":
                    raise Boom("body")
        if message == "swallowed":
            assert isinstance(caught.value.__cause__, Boom)
        return plan

    log = run_virtual(scene()).log
    assert [step.split(" ")[:2] for step in log if " gave back " in step] == [
        step.split(" ")[:2] for step in reversed(log) if " took" in step
    ]
    assert len([step for step in log if "leaf left" in step]) == len([step for step in log if "leaf entered" in step])


@virtual
async def test_entering_again_while_holding_a_reply_is_refused_and_the_first_is_given_back() -> None:
    class Greedy:
        def __init__(self, inner: Service) -> None:
            self.inner = inner

        @entering
        async def open(self, call: Call, enter: Enter) -> Reply:
            await enter(self.inner.open(call))
            return await enter(self.inner.open(call))

    plan = Plan([], [])
    with pytest.raises(RuntimeError, match="entered again"):
        await ask(Greedy(Leaf(plan)), call())
    assert plan.log[0] == "leaf entered"
    assert plan.log[1].startswith("leaf left RuntimeError")
    assert len(plan.log) == 2


@virtual
async def test_an_entering_that_enters_nothing_is_named() -> None:
    class Lazy:
        @entering
        async def open(self, call: Call, enter: Enter) -> Reply:
            return CompleteReply([Chunk(data=b"", last=True)])

    with pytest.raises(AssertionError, match="without entering"):
        await ask(Lazy(), call())


# What the reader sees


@virtual
async def test_causes_of_an_error_stay_as_they_were_raised() -> None:
    plan = Plan([("scope", "translates"), ("scope", "translates")], [LeafPlan(0, 0, "enter")])
    with pytest.raises(Boom, match="layer 0") as caught:
        await ask(assembled(plan, OURS), call())
    inner = caught.value.__cause__
    assert isinstance(inner, Boom)
    assert str(inner) == "layer 1 translated"
    assert str(inner.__cause__) == "leaf enter"


@pytest.mark.parametrize("moment", ["enter", "leave", "between", "body"])
def test_an_error_is_gone_as_soon_as_nobody_holds_it(moment: str) -> None:
    """A reference cycle by a frame would keep each failed attempt, its body too, until a collection."""

    async def scene() -> list[weakref.ref[BaseException]]:
        fates: list[tuple[Kind, Fate]] = [("scope", ""), ("scope", "between" if moment == "between" else "")]
        plan = Plan(fates, [LeafPlan(0, 0, moment)])
        seen: list[weakref.ref[BaseException]] = []
        try:
            async with assembled(plan, {**OURS}).open(call()) as reply:
                await reply.read()
                if moment == "body":
                    raise Boom("body")
        except Boom as error:
            seen.append(weakref.ref(error))
        return seen

    gc.collect()
    gc.disable()
    try:
        (seen,) = run_virtual(scene())
        assert seen() is None
    finally:
        gc.enable()


@virtual
async def test_a_layer_that_fails_before_it_opens_leaves_the_rest_untouched() -> None:
    service, handle = mock()
    plan = Plan([("scope", ""), ("scope", "before")], [])
    outer: Service = Scoped(Scoped(service, plan, 1), plan, 0)
    with pytest.raises(Boom, match="before"):
        await ask(outer, call())
    assert handle.arrivals == []
    assert plan.log == ["layer 0 took", "layer 0 gave back Boom layer 1 before"]


@virtual
async def test_a_cancellation_while_what_is_inside_is_being_left_loses_no_layer() -> None:
    plan = Plan([("scope", ""), ("scope", "between")], [LeafPlan(0, 2, "")])
    asking = asyncio.create_task(ask(assembled(plan, OURS), call()))
    for _ in range(2):
        await asyncio.sleep(0)
    assert plan.log[-1].startswith("leaf left")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [step for step in plan.log if "gave back" in step] == [
        "layer 1 gave back Boom layer 1 between",
        "layer 0 gave back CancelledError ",
    ]


@virtual
async def test_the_first_layer_of_a_stack_is_outermost() -> None:
    plan = Plan([("scope", ""), ("scope", "")], [])
    service = stack(lambda inner: Scoped(inner, plan, 0), lambda inner: Scoped(inner, plan, 1), inside=Leaf(plan))
    await ask(service, call())
    assert plan.log[:2] == ["layer 0 took", "layer 1 took"]
    assert stack(inside=service) is service
