"""The OpenAI SDK by Chat Completions, as its README shows it."""

from __future__ import annotations

import json
from typing import Any

from openai import AsyncOpenAI

from tools.clients.programs.loop import SCHEMA, TURNS, Job, lookup, main

TOOLS: Any = [{"type": "function", "function": {"name": "lookup", "description": "Looks up.", "parameters": SCHEMA}}]


async def _message(client: AsyncOpenAI, job: Job, messages: list[Any]) -> tuple[str, list[Any]]:
    """The text of one answer, and its calls as the next request takes them."""
    more: Any = {"tools": TOOLS} if job.tool else {}
    if job.session:
        more["prompt_cache_key"] = job.session
    if not job.streamed:
        whole = await client.chat.completions.create(model=job.model, messages=messages, **more)
        message = whole.choices[0].message
        return message.content or "", [one.model_dump(exclude_none=True) for one in message.tool_calls or ()]
    async with client.chat.completions.stream(model=job.model, messages=messages, **more) as stream:
        async for _ in stream:
            pass
        final = (await stream.get_final_completion()).choices[0].message
    calls = final.tool_calls or ()
    return final.content or "", [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in calls
    ]


async def ask(job: Job) -> str:
    messages: list[Any] = [{"role": "user", "content": job.prompt}]
    async with AsyncOpenAI(base_url=f"{job.url}/v1", api_key=job.key, timeout=job.wait) as client:
        for _ in range(TURNS):
            text, calls = await _message(client, job, messages)
            if not calls:
                return text
            messages.append({"role": "assistant", "content": text, "tool_calls": calls})
            for call in calls:
                found = lookup(**json.loads(call["function"]["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": found})
    return ""


if __name__ == "__main__":
    main(ask, "openai.")
