"""OpenAI Agents in its default mode: by Responses, the tool run by the SDK."""

from __future__ import annotations

from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

from tools.clients.programs import loop
from tools.clients.programs.loop import TURNS, Job, main

TOOL = function_tool(loop.lookup)


async def ask(job: Job) -> str:
    set_tracing_disabled(disabled=True)
    async with AsyncOpenAI(base_url=f"{job.url}/v1", api_key=job.key, timeout=job.wait) as client:
        agent = Agent(name="assistant", model=OpenAIResponsesModel(job.model, client), tools=[TOOL] if job.tool else [])
        if not job.streamed:
            return str((await Runner.run(agent, job.prompt, max_turns=TURNS)).final_output)
        result = Runner.run_streamed(agent, job.prompt, max_turns=TURNS)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)


if __name__ == "__main__":
    main(ask, "agents.", "openai.")
