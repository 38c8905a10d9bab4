"""What is fuzzed: each target takes any bytes, and raises nothing but errors of ours.

The first byte of an input chooses how the rest is cut into pieces, so that what depends on the cuts of a socket is tried too.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.call import Call
from headworks.core.dialect import Before, Said
from headworks.core.errors import CallError, ConfigError, HeadworksError
from headworks.core.kept_answer import Conversation
from headworks.core.passage import Passage
from headworks.core.reply import Chunk
from headworks.evals.scorers import KINDS, WITHOUT_EXPECTED, Reply, Scorer, Target, apply_scorer
from headworks.evals.suites import suite_file as suite_file
from headworks.http.limits import EdgeLimits
from headworks.http.request_parser import RequestParser
from headworks.layers.failure_reason import reason
from headworks.ledger.backup_file import Broken, verified
from headworks.policy.midstream import ReplayFilter
from headworks.prompts.frames import Source, Turn
from headworks.prompts.prompt import Prompt, problems
from headworks.server.problems import answer
from headworks.system.checks.machine import Machine
from headworks.system.load import parse_leniently
from headworks.system.schema.prompt_file import parts
from headworks.system.schema.secrets import Sources
from headworks.system.syntax.findings import Findings
from headworks.wire.anthropic.caller import MESSAGES
from headworks.wire.anthropic.count_tokens import estimate
from headworks.wire.anthropic.decoder import MessagesDecoder
from headworks.wire.anthropic.translation.decoder import MessagesPieces
from headworks.wire.anthropic.translation.encoder import MessagesEvents
from headworks.wire.anthropic.translation.question_writer import body_of as messages_body
from headworks.wire.anthropic.translation.sealed import without_foreign
from headworks.wire.anthropic.vendor import ANTHROPIC
from headworks.wire.bedrock.decoder import ConverseDecoder
from headworks.wire.bedrock.translation.pieces import ConversePieces
from headworks.wire.bedrock.vendor import BEDROCK
from headworks.wire.hub import CONVERSE
from headworks.wire.openai.body import choices_asked
from headworks.wire.openai.caller import CHAT as CALLER
from headworks.wire.openai.completions.caller import COMPLETIONS
from headworks.wire.openai.completions.vendor import OpenAICompletions
from headworks.wire.openai.dialect import OPENAI
from headworks.wire.openai.embeddings import read_embeddings
from headworks.wire.openai.passed.batch_output import BatchOutput
from headworks.wire.openai.passed.caller import PASSED
from headworks.wire.openai.passed.path_caller import passage_of
from headworks.wire.openai.passed.resources import Listed, made, references
from headworks.wire.openai.passed.vendor import VENDORS
from headworks.wire.openai.question import question
from headworks.wire.openai.request import read_chat
from headworks.wire.openai.responses.caller import RESPONSES
from headworks.wire.openai.responses.decoder import ResponsesDecoder
from headworks.wire.openai.responses.pieces import ResponsesPieces
from headworks.wire.openai.responses.question_writer import body_of as responses_body
from headworks.wire.openai.responses.vendor import OpenAIResponses
from headworks.wire.openai.splice import may_resume
from headworks.wire.openai.translation.decoder import ChatPieces
from headworks.wire.openai.translation.encoder import ChatEvents
from headworks.wire.openai.translation.question_reader import question_of
from headworks.wire.openai.translation.question_writer import body_of
from headworks.wire.openai.weight import weigh_chat
from headworks.wire.sse import events_in
from tests.fuzz import gemini as fuzzed_gemini

CHAT = OPENAI["openai.chat"]
NOWHERE = Path("/nonexistent")
SIZES: Final = (1, 2, 3, 7, 16, 64, 1000, 1 << 20)


def cut(data: bytes) -> Iterator[bytes]:
    """The bytes behind the first one, in pieces of the size that it chooses."""
    size = SIZES[data[0] % len(SIZES)] if data else 1
    for start in range(1, len(data), size):
        yield data[start : start + size]


def edge(data: bytes) -> None:
    """What a stranger sends to a port."""
    limits = EdgeLimits(max_body=1000)
    for intake in (RequestParser(limits), RequestParser(limits, lambda request: False)):
        _edge(intake, data)


def _edge(intake: RequestParser, data: bytes) -> None:
    for piece in cut(data):
        if intake.is_done:
            break
        intake.feed(piece)
        while intake.ready:
            intake.ready.popleft()


def asked(body: bytes = b"{}") -> Call:
    return Call(id="req_1", alias="a", body=body, dialect=CALLER, streamed=True, include_usage=True)


def body(data: bytes) -> None:
    """What a caller asks."""
    for read in (read_chat, read_embeddings):
        try:
            read(data[1:])
        except CallError as error:
            answer(error, "req_1", (), CALLER)
        else:
            for look in (choices_asked, weigh_chat, may_resume, partial(question, "chat")):
                look(data[1:])


def passed(data: bytes) -> None:
    """What passes through: a form or JSON in, whatever a vendor says back."""
    body = data[1:]
    for caller in PASSED:
        side = VENDORS[caller.name]
        with contextlib.suppress(CallError):
            caller.read(body)
            sent = side.request(asked(body), b'"m"', counted=False)
            assert not sent.startswith(b"--") or side.content_type(sent)
        with contextlib.suppress(CallError):
            side.whole(body, asked())


def passed_by_path(data: bytes) -> None:
    """What passes to a provider by its path: a path, a body that names ids, an answer that makes some, the results of a batch."""
    content = data[1:]
    with contextlib.suppress(CallError):
        passage_of("POST", "/" + content.decode("latin-1"), content.decode("latin-1"), "")
    for kind in ("application/json", "multipart/form-data; boundary=b"):
        passage = Passage(method="POST", word="files", path="/files", content_type=kind)
        with contextlib.suppress(CallError):
            references(passage, content)
    made(content, "web")
    with contextlib.suppress(CallError):
        listed = Listed(content)
        listed.of(listed.ids[:1])
        listed.outputs(listed.ids)
    output = BatchOutput()
    for piece in cut(data):
        output.feed(piece)
    output.end()


def stream(data: bytes) -> None:
    """A vendor's events."""
    decoder = CHAT.decoder(asked())
    assert decoder is not None
    for piece in cut(data):
        decoder.feed(piece)
        if decoder.fault is not None or decoder.is_done:
            break
    else:
        decoder.end()
    if decoder.fault is not None:
        answer(decoder.fault, "req_1", (), CALLER)


def whole(data: bytes) -> None:
    """A vendor's answer that is not streamed."""
    try:
        CHAT.whole(data[1:], asked())
    except CallError as error:
        reason(error)
        answer(error, "req_1", (), CALLER)


def failure(data: bytes) -> None:
    """A vendor's error: its status, one header, its body."""
    status = 100 + int.from_bytes(data[1:3], "big") % 900
    line, _, rest = data[3:].partition(b"\n")
    name, _, value = line.partition(b":")
    headers = [(name.lower(), value.strip()), (b"retry-after", value), (b"content-type", b"application/json")]
    error = CHAT.error(status, headers, rest, 1_800_000_000.0)
    reason(error)
    answer(error, "req_1", (), CALLER)


def question_translated(data: bytes) -> None:
    """What a caller asks, through the hub."""
    with contextlib.suppress(CallError):
        body_of(question_of(data[1:]), "m")


def answer_translated(data: bytes) -> None:
    """A vendor's events, and its body, through the hub."""
    vendor, caller = ChatPieces(), ChatEvents()
    with contextlib.suppress(CallError):
        caller.whole(vendor.whole(data[1:]))
    with contextlib.suppress(CallError):
        for event in events_in(data[1:]):
            caller.feed(vendor.feed(event.raw))
        caller.end()


def messages(data: bytes) -> None:
    """What a caller of Anthropic's API asks: as it came, through the hub to both APIs, and with an answer's beginning."""
    body = data[1:]
    try:
        MESSAGES.read(body)
    except CallError as error:
        answer(error, "req_1", (), MESSAGES)
        return
    for look in (MESSAGES.question, MESSAGES.weigh, estimate, without_foreign):
        look(body)
    MESSAGES.is_ordinary(body, ())
    if MESSAGES.splice.may_resume(body) and MESSAGES.splice.may_continue(body):
        MESSAGES.splice.prefilled(body, "It is ", "message")
    with contextlib.suppress(CallError):
        question = MESSAGES.question_of(body)
        with contextlib.suppress(CallError):
            messages_body(question, "m")
        body_of(question, "m")


def messages_asked(data: bytes) -> None:
    """What a caller of OpenAI's API asks of a vendor of Anthropic's."""
    with contextlib.suppress(CallError):
        messages_body(question_of(data[1:]), "claude-haiku-4-5" if data[0] % 2 else "claude-opus-5-5")


def messages_stream(data: bytes) -> None:
    """A vendor's events of Anthropic's API: read, noted, spliced and put together."""
    decoder = MessagesDecoder()
    chunks: list[Chunk] = []
    for piece in cut(data):
        chunks += decoder.feed(piece)
        if decoder.fault is not None or decoder.is_done:
            break
    else:
        chunks += decoder.end()
    if decoder.fault is not None:
        answer(decoder.fault, "req_1", (), MESSAGES)
    body = MESSAGES.forms.as_body(*MESSAGES.forms.parted(chunks))
    if body is not None:
        MESSAGES.forms.as_events(body)
    with contextlib.suppress(CallError):
        known = MESSAGES.splice.noted(b"", chunks[: len(chunks) // 2])
        rewriting = MESSAGES.splice.rewriting(known, ReplayFilter(""), Before(said=1))
        for chunk in chunks:
            MESSAGES.splice.reasoning_in(chunk.data)
            rewriting.chunk(chunk)


def messages_answer(data: bytes) -> None:
    """A vendor's answer in Anthropic's API, whole and streamed, through the hub to callers of both; and a chat answer to its
    callers."""
    for vendor, callers in (
        (MessagesPieces, (MessagesEvents, ChatEvents)),
        (ChatPieces, (MessagesEvents,)),
    ):
        for caller in callers:
            pieces, events = vendor(), caller(id="r", model="m")
            with contextlib.suppress(CallError):
                events.whole(pieces.whole(data[1:]))
            with contextlib.suppress(CallError):
                for event in events_in(data[1:]):
                    events.feed(pieces.feed(event.raw))
                events.end()
    with contextlib.suppress(CallError):
        ANTHROPIC["anthropic.messages"].whole(data[1:], asked())
    ANTHROPIC["anthropic.messages"].spent(data[1:])


def gemini(data: bytes) -> None:
    """Gemini's API, as a caller's and as a vendor's."""
    fuzzed_gemini.asked(data[1:])
    fuzzed_gemini.answered(lambda: cut(data), data[1:])


def event_stream(data: bytes) -> None:
    """A vendor's stream in AWS's binary framing, and its body, through the hub."""
    decoder, vendor, caller = ConverseDecoder(), ConversePieces(), ChatEvents()
    with contextlib.suppress(CallError):
        for piece in cut(data):
            for chunk in decoder.feed(piece):
                caller.feed(vendor.feed(chunk.data))
        decoder.end()
    with contextlib.suppress(CallError):
        caller.whole(vendor.whole(data[1:]))
    with contextlib.suppress(CallError):
        raise BEDROCK[CONVERSE].error(400, ((b"x-amzn-errortype", data[:20]),), data[1:], 0.0)


def responses_asked(data: bytes) -> None:
    """What callers of Responses and of legacy completions ask, and what a vendor is sent."""
    for caller, vendor in ((RESPONSES, OpenAIResponses()), (COMPLETIONS, OpenAICompletions())):
        call = msgspec.structs.replace(asked(data[1:]), dialect=caller)
        try:
            caller.read(data[1:])
            question = caller.question_of(data[1:])
            vendor.request(call, b'"m"', counted=True)
            for write in (body_of, responses_body):
                with contextlib.suppress(CallError):
                    write(question, "m")
        except CallError as error:
            answer(error, "req_1", (), caller)
        else:
            for look in (caller.weigh, caller.question, lambda one, caller=caller: caller.is_ordinary(one, ())):
                look(data[1:])
            caller.encoder(call).end()


def responses_stream(data: bytes) -> None:
    """A vendor's events of Responses: as they pass, through the hub, and behind a stream that broke."""
    decoder = ResponsesDecoder()
    for piece in cut(data):
        decoder.feed(piece)
    decoder.end()
    if decoder.fault is not None:
        RESPONSES.event_after(decoder.fault, data[1:])
    with contextlib.suppress(CallError):
        chunk = Chunk(data=data[1:], has_content=True)
        RESPONSES.splice.reasoning_in(data[1:])
        RESPONSES.splice.rewriting(data[1:], ReplayFilter("hi", "hm"), None).chunk(chunk)
    vendor, caller = ResponsesPieces(), RESPONSES.encoder(msgspec.structs.replace(asked(), dialect=RESPONSES))
    with contextlib.suppress(CallError):
        caller.feed(vendor.feed(data[1:]))
        caller.end()
    RESPONSES.forms.as_body(data[1:], b"")


def responses_kept(data: bytes) -> None:
    """A body and an answer of Responses that are kept, gone on with, shown and listed."""
    keeping, said = RESPONSES.keeping, Said(id="resp_1", earlier="", is_kept=True)
    body, _, rest = data[1:].partition(b"\n\n")
    for streamed in (True, False):
        keeping.told(rest, said, streamed=streamed)
    with contextlib.suppress(CallError):
        RESPONSES.read(body)
        _, added, _ = keeping.opened(body, None, {})
        for streamed in (True, False):
            if (closed := keeping.closed(rest, added, said, streamed=streamed)) is not None:
                turn, head = closed
                found = Conversation(id="resp_1", root="resp_1", total=len(turn), turns=[turn, turn], head=head)
                for place in keeping.item_places(turn):
                    msgspec.json.decode(turn[place.position : place.position + place.size])
                keeping.body(found)
                keeping.events(found, -1)
                keeping.inputs(found, {"order": "asc"})
                read, _, _ = keeping.opened(b'{"model":"m","input":"x","previous_response_id":"resp_1"}', found, {})
                RESPONSES.read(read)


def responses_whole(data: bytes) -> None:
    """A vendor's answer of Responses that is not streamed."""
    RESPONSES.forms.as_events(data[1:])
    vendor = OpenAIResponses()
    vendor.spent(data[1:])
    with contextlib.suppress(CallError):
        vendor.whole(data[1:], asked())
    with contextlib.suppress(CallError):
        RESPONSES.encoder(asked()).whole(vendor.pieces().whole(data[1:]))


def system(data: bytes) -> None:
    """A system file."""
    findings = Findings("headworks.yaml")
    parse_leniently(data[1:], findings, Sources({"NAME": "value-0123456789"}, NOWHERE), Machine(NOWHERE))
    for problem in (*findings.errors, *findings.warnings):
        str(problem)


def suite(data: bytes) -> None:
    """A suite, in one of the notations that are data."""
    ending = (".yaml", ".jsonl", ".csv")[data[0] % 3] if data else ".yaml"
    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        file.write(data[1:])
        file.flush()
        try:
            suite_file.load(Path(file.name))
        except ConfigError as error:
            for problem in error.problems:
                str(problem)


def prompt(data: bytes) -> None:
    """A prompt's file, and variables that fill it."""
    text, _, values = data[1:].partition(b"\x00")
    taken = parts(text.decode("utf-8", "replace"))
    turns = [Turn(role=turn.role, text=turn.text, line=turn.line) for turn in taken.turns]
    source = Source(name="p", version="0", file="p.md", turns=turns, variables={"text": {"type": "string"}})
    if problems(source):
        return
    try:
        Prompt(source).rendered(asked(b'{"model":"prompt/p","prompt":' + values + b"}"))
    except HeadworksError:
        pass


def schema(data: bytes) -> None:
    """A prompt's schema, and an answer that is held against it."""
    text, _, said = data[1:].partition(b"\x00")
    try:
        output = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return
    source = Source(name="p", version="0", file="p.md", turns=[Turn(role="user", text="x", line=1)], output=output)
    if not problems(source):
        Prompt(source).judged(said.decode("utf-8", "replace"))


def judged(data: bytes) -> None:
    """A model's answer, by every scorer."""
    reply = Reply(text=data[1:].decode("utf-8", "replace"), tool_calls=(("f", data[1:].decode("latin-1")),))
    for kind in KINDS:
        expected = None if kind in WITHOUT_EXPECTED else "1"
        target = Target(id="s", expected=expected, options=("a", "b"))
        fields = {"at_most": 1.0} if kind in ("latency", "cost") else {"pattern": "a+b"} if kind == "regex" else {}
        apply_scorer(Scorer(kind=kind, **fields), None, target, reply)  # type: ignore[arg-type]


def backup(data: bytes) -> None:
    """A backup of a ledger, or the lines in one."""
    for content in (data[1:], gzip.compress(data[1:], 1)):
        with contextlib.suppress(Broken):
            verified(io.BytesIO(content))


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {
        "edge": edge,
        "body": body,
        "passed": passed,
        "passed_by_path": passed_by_path,
        "stream": stream,
        "whole": whole,
        "failure": failure,
        "question_translated": question_translated,
        "answer_translated": answer_translated,
        "messages": messages,
        "messages_asked": messages_asked,
        "messages_stream": messages_stream,
        "messages_answer": messages_answer,
        "gemini": gemini,
        "event_stream": event_stream,
        "responses_asked": responses_asked,
        "responses_stream": responses_stream,
        "responses_kept": responses_kept,
        "responses_whole": responses_whole,
        "system": system,
        "suite": suite,
        "prompt": prompt,
        "schema": schema,
        "judged": judged,
        "backup": backup,
    }
)
