"""pydantic-ai by one of its providers: `openai` (Responses), `openai-chat`, `anthropic` or `google`, which is the first argument."""

from __future__ import annotations

import sys
from typing import Any

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tools.clients.programs import loop
from tools.clients.programs.loop import TURNS, Job, main


def _model(job: Job) -> Any:
    match sys.argv[1]:
        case "openai":
            return OpenAIResponsesModel(job.model, provider=OpenAIProvider(base_url=f"{job.url}/v1", api_key=job.key))
        case "openai-chat":
            return OpenAIChatModel(job.model, provider=OpenAIProvider(base_url=f"{job.url}/v1", api_key=job.key))
        case "anthropic":
            return AnthropicModel(job.model, provider=AnthropicProvider(base_url=job.url, api_key=job.key))
        case _:
            return GoogleModel(job.model, provider=GoogleProvider(base_url=job.url, api_key=job.key))


async def ask(job: Job) -> str:
    agent = Agent(_model(job), tools=[loop.lookup] if job.tool else [], model_settings={"timeout": job.wait})
    limits = UsageLimits(request_limit=TURNS)
    if not job.streamed:
        return str((await agent.run(job.prompt, usage_limits=limits)).output)
    # `run_stream` would end at the first text, which stands before a tool call here.
    return str((await agent.run(job.prompt, usage_limits=limits, event_stream_handler=_read)).output)


async def _read(_: Any, events: Any) -> None:
    async for _event in events:
        pass


if __name__ == "__main__":
    main(ask, "pydantic_ai.", "openai.", "anthropic.", "google.genai.")
