"""LangChain's ChatOpenAI or ChatAnthropic (`openai` or `anthropic`, the first argument), its tools bound and run by hand."""

from __future__ import annotations

import sys
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tools.clients.programs import loop
from tools.clients.programs.loop import TURNS, Job, main

TOOL: Any = tool(loop.lookup)


def _model(job: Job) -> Any:
    if sys.argv[1] == "openai":
        made: Any = ChatOpenAI(base_url=f"{job.url}/v1", api_key=job.key, model=job.model, timeout=job.wait)
    else:
        made = ChatAnthropic(base_url=job.url, api_key=job.key, model_name=job.model, timeout=job.wait, stop=None)
    return made.bind_tools([TOOL]) if job.tool else made


async def ask(job: Job) -> str:
    model = _model(job)
    messages: list[Any] = [HumanMessage(job.prompt)]
    for _ in range(TURNS):
        if job.streamed:
            message: Any = None
            async for chunk in model.astream(messages):
                message = chunk if message is None else message + chunk
        else:
            message = await model.ainvoke(messages)
        if not message.tool_calls:
            return str(message.text)
        messages.append(message)
        messages += [await TOOL.ainvoke(call) for call in message.tool_calls]
    return ""


if __name__ == "__main__":
    main(ask, "langchain", "openai.", "anthropic.")
