"""The process that renders large prompts and checks large answers, so that the one that serves calls need not.

One question after another, as frames on stdin and stdout (`frames.py`). It ends when stdin does, and is killed by whoever
asked when a question takes too long: templates are programs, and what callers put into them decides how long they run.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from typing import BinaryIO

import msgspec

from headworks.core.call import Call
from headworks.core.errors import Malformed, Refused, TooLarge, Unprocessable
from headworks.prompts.frames import Answer, Question, dialect_of, read_frame, written_frame
from headworks.prompts.prompt import Prompt

MOST_KEPT = 32
"""Prompts that stay compiled."""

MOST_MEMORY = 4 << 30
"""Bytes of address space: beyond them this process fails, and not the machine."""

CLASSES: dict[type[Refused], str] = {Unprocessable: "unprocessable", Malformed: "malformed", TooLarge: "too_large"}


class Worker:
    """Answers questions."""

    def __init__(self) -> None:
        self._prompts: dict[bytes, Prompt] = {}

    def answer(self, head: bytes, body: bytes) -> tuple[Answer, bytes]:
        question = msgspec.json.decode(head, type=Question)
        prompt = self._prompt(question)
        if question.kind == "judge":
            return Answer(why=prompt.judged(body.decode("utf-8", "surrogatepass"))), b""
        try:
            made = prompt.rendered(Call(id="", alias="", body=body, dialect=dialect_of(question.dialect)))
        except Refused as error:
            return Answer(refused=CLASSES[type(error)], message=error.message, param=error.param or ""), b""
        return Answer(max_output=made.max_output, user=made.user), made.body

    def _prompt(self, question: Question) -> Prompt:
        key = msgspec.json.encode(question.source)
        prompt = self._prompts.pop(key, None) or Prompt(question.source)
        self._prompts[key] = prompt
        if len(self._prompts) > MOST_KEPT:
            del self._prompts[next(iter(self._prompts))]
        return prompt


def serve(told: BinaryIO, said: BinaryIO) -> None:
    worker = Worker()
    while (frame := read_frame(told)) is not None:
        answer, body = worker.answer(*frame)
        said.write(written_frame(msgspec.json.encode(answer), body))
        said.flush()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the gateway's to hear; the end of stdin counts
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError, ValueError):  # macOS has no such bound
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with contextlib.suppress(BrokenPipeError):
        serve(os.fdopen(0, "rb"), os.fdopen(1, "wb"))


if __name__ == "__main__":
    main()
