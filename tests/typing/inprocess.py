"""Read by mypy only (`tests/typing/test_mypy.py`): what a user's editor knows of `headworks.open`."""

from __future__ import annotations

from typing import assert_type

import headworks
from headworks.inprocess import Answer, Chunk, Stream, System, Usage


async def use(flag: bool) -> None:
    async with headworks.open("headworks.yaml") as system:
        assert_type(system, System)
        answer = await system.chat(model="assistant", messages=[{"role": "user", "content": "Hello!"}], max_tokens=16)
        assert_type(answer, Answer)
        assert_type(answer.text, str)
        assert_type(answer.usage, Usage | None)
        assert_type(answer.data, bytes)
        stream = await system.chat(model="assistant", messages=[], stream=True, temperature=0.5)
        assert_type(stream, Stream)
        async for chunk in stream:
            assert_type(chunk, Chunk)
        await system.chat(model="assistant", messages=[], max_token=16)  # type: ignore[call-overload]
        await system.chat(model="assistant", messages=[], temperature="hot")  # type: ignore[call-overload]
        asked = await system.messages(model="assistant", max_tokens=16, messages=[], system="Be brief.")
        assert_type(asked, Answer)
        assert_type(await system.responses(model="assistant", input="Hello!", stream=True), Stream)
        assert_type(await system.generate(model="assistant", contents=[], generationConfig={}), Answer)
        await system.messages(model="assistant", messages=[])  # type: ignore[call-overload]
        await system.responses(model="assistant", input="Hello!", messages=[])  # type: ignore[call-overload]
        await system.chat("assistant", [])  # type: ignore[call-overload]
    headworks.open(text="version: 1")
    headworks.open(flag)  # type: ignore[arg-type]
