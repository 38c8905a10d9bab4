"""The OpenAI SDK by Responses, stateless, with reasoning given back."""

from __future__ import annotations

import json
from typing import Any

from openai import AsyncOpenAI

from tools.clients.programs.loop import SCHEMA, TURNS, Job, lookup, main

TOOLS: Any = [{"type": "function", "name": "lookup", "description": "Looks up.", "parameters": SCHEMA, "strict": True}]


async def _response(client: AsyncOpenAI, job: Job, items: list[Any]) -> Any:
    asked: Any = {"model": job.model, "input": items, "store": False, "include": ["reasoning.encrypted_content"]}
    if job.tool:
        asked["tools"] = TOOLS
    if not job.streamed:
        return await client.responses.create(**asked)
    async with client.responses.stream(**asked) as stream:
        async for _ in stream:
            pass
        return await stream.get_final_response()


async def ask(job: Job) -> str:
    items: list[Any] = [{"role": "user", "content": job.prompt}]
    async with AsyncOpenAI(base_url=f"{job.url}/v1", api_key=job.key, timeout=job.wait) as client:
        for _ in range(TURNS):
            response = await _response(client, job, items)
            calls = [one for one in response.output if one.type == "function_call"]
            if not calls:
                return str(response.output_text)
            items += [one.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for one in response.output]
            for call in calls:
                output = lookup(**json.loads(call.arguments))
                items.append({"type": "function_call_output", "call_id": call.call_id, "output": output})
    return ""


if __name__ == "__main__":
    main(ask, "openai.")
