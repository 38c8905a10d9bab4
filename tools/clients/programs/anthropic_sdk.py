"""The Anthropic SDK by Messages."""

from __future__ import annotations

from typing import Any

from anthropic import AsyncAnthropic

from tools.clients.programs.loop import SCHEMA, TURNS, Job, lookup, main

TOOLS: Any = [{"name": "lookup", "description": "Looks up.", "input_schema": SCHEMA}]


async def _message(client: AsyncAnthropic, job: Job, messages: list[Any]) -> Any:
    asked: Any = {"model": job.model, "max_tokens": 4000, "messages": messages}
    if job.tool:
        asked |= {"tools": TOOLS, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    if not job.streamed:
        return await client.messages.create(**asked)
    async with client.messages.stream(**asked) as stream:
        async for _ in stream:
            pass
        return await stream.get_final_message()


async def ask(job: Job) -> str:
    messages: list[Any] = [{"role": "user", "content": job.prompt}]
    async with AsyncAnthropic(base_url=job.url, api_key=job.key, timeout=job.wait) as client:
        for _ in range(TURNS):
            message = await _message(client, job, messages)
            calls = [one for one in message.content if one.type == "tool_use"]
            if not calls:
                return "".join(one.text for one in message.content if one.type == "text")
            shown = [one.model_dump(exclude_none=True, exclude={"parsed_output"}) for one in message.content]
            messages.append({"role": "assistant", "content": shown})
            results = [{"type": "tool_result", "tool_use_id": one.id, "content": lookup(**one.input)} for one in calls]
            messages.append({"role": "user", "content": results})
    return ""


if __name__ == "__main__":
    main(ask, "anthropic.")
