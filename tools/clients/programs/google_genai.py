"""The Google Gen AI SDK by generateContent, with its parts given back as they came."""

from __future__ import annotations

from typing import Any

from google import genai
from google.genai import types

from tools.clients.programs.loop import SCHEMA, TURNS, Job, lookup, main

DECLARED = types.FunctionDeclaration(name="lookup", description="Looks up.", parameters_json_schema=SCHEMA)


async def _parts(client: Any, job: Job, contents: list[Any]) -> list[Any]:
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[DECLARED])] if job.tool else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    asked: Any = {"model": job.model, "contents": contents, "config": config}
    if not job.streamed:
        whole = await client.aio.models.generate_content(**asked)
        return list(whole.candidates[0].content.parts)
    parts: list[Any] = []
    async for chunk in await client.aio.models.generate_content_stream(**asked):
        for candidate in chunk.candidates or ():
            parts += (candidate.content and candidate.content.parts) or ()
    return parts


async def ask(job: Job) -> str:
    options = types.HttpOptions(base_url=job.url, timeout=int(job.wait * 1000))
    client = genai.Client(api_key=job.key, http_options=options)
    try:
        return await _rounds(client, job)
    finally:
        await client.aio.aclose()


async def _rounds(client: Any, job: Job) -> str:
    contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=job.prompt)])]
    for _ in range(TURNS):
        parts = await _parts(client, job, contents)
        calls = [one.function_call for one in parts if one.function_call]
        if not calls:
            return "".join(one.text for one in parts if one.text and not one.thought)
        contents.append(types.Content(role="model", parts=parts))
        results = [
            types.FunctionResponse(id=one.id, name=one.name, response={"result": lookup(**one.args)}) for one in calls
        ]
        contents.append(types.Content(role="user", parts=[types.Part(function_response=one) for one in results]))
    return ""


if __name__ == "__main__":
    main(ask, "google.genai.")
