"""Bodies, answers and streams of Gemini's API for the tests of its folder: recorded ones, and what clients send.

Where the recorded ones come from stands in `recorded/SOURCES.md`. The questions are in the forms of google-genai 2.34.0 and Gemini
CLI 0.61.0 (read 2026-11-30).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "recorded").iterdir())}
STREAMS = {name: text for name, text in RECORDED.items() if name.endswith(".sse")}
BROKEN = ("error_mid_stream.sse", "overloaded_mid_stream.sse")
WHOLE_STREAMS = {name: text for name, text in STREAMS.items() if name not in BROKEN}
ERRORS = ("api_key.json", "quota.json", "unknown_model.json")
ANSWERS = {name: text for name, text in RECORDED.items() if name.endswith(".json") and name not in ERRORS}


def question(*contents: Any, **fields: Any) -> dict[str, Any]:
    return {"contents": list(contents) or [user({"text": "hi"})], **fields}


def user(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts), **fields}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def configured(**config: Any) -> dict[str, Any]:
    return question(generationConfig=config)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"path": {"type": "string", "description": "é"}, "deep": {"$ref": "#/$defs/x"}},
    "required": ["path"],
    "additionalProperties": False,
    "$defs": {"x": {"type": ["string", "null"]}},
}
OPENAPI: dict[str, Any] = {
    "type": "OBJECT",
    "nullable": True,
    "properties": {
        "city": {"type": "STRING", "enum": ["Ulm"], "nullable": True},
        "days": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1"},
        "either": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
    },
    "propertyOrdering": ["city", "days"],
    "required": ["city"],
}

QUESTIONS: dict[str, dict[str, Any]] = {
    "Gemini CLI": question(
        user({"text": "This is the Gemini CLI."}),
        model({"text": "Got it."}),
        user({"text": "list"}),
        model(
            {"text": "I look.", "thought": True},
            {"functionCall": {"name": "ls", "args": {"path": "."}}, "thoughtSignature": "c2ln"},
        ),
        user({"functionResponse": {"id": "ls-1", "name": "ls", "response": {"output": "a.txt"}}}),
        systemInstruction={"parts": [{"text": "You are an agent."}]},
        tools=[{"functionDeclarations": [{"name": "ls", "description": "Lists.", "parametersJsonSchema": SCHEMA}]}],
        generationConfig={
            "temperature": 0,
            "topP": 1,
            "topK": 64,
            "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8192},
        },
    ),
    "every field of the configuration": configured(
        temperature=0.5,
        topP=0.9,
        topK=40,
        candidateCount=2,
        maxOutputTokens=100,
        stopSequences=["a", "b"],
        seed=7,
        presencePenalty=0.5,
        frequencyPenalty=-0.5,
        responseLogprobs=True,
        logprobs=3,
        responseModalities=["TEXT", "AUDIO"],
        speechConfig={"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}, "languageCode": "de-DE"},
        mediaResolution="MEDIA_RESOLUTION_LOW",
        imageConfig={"aspectRatio": "1:1"},
        thinkingConfig={"includeThoughts": False, "thinkingLevel": "HIGH", "novel": 1},
        responseMimeType="application/json",
        responseSchema=OPENAPI,
        novel={"a": [1, 2.5]},
    ),
    "a JSON schema for the answer": configured(responseMimeType="application/json", responseJsonSchema=SCHEMA),
    "any JSON": configured(responseMimeType="application/json"),
    "plain text": configured(responseMimeType="text/plain"),
    "an enum": configured(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["a"]}),
    "a voice in another form": configured(speechConfig={"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": []}}),
    "what is of another type": configured(
        speechConfig="loud", thinkingConfig=5, stopSequences="x", temperature="hot", seed=True, maxOutputTokens="lots"
    ),
    "a configuration that is none": question(generationConfig="fast"),
    "labels and safety": question(
        safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        cachedContent="cachedContents/abc",
        labels={"team": "a"},
        serviceTier="flex",
        store=False,
        novel={"x": None},
    ),
    "an odd store": question(store="no"),
    "tools of every kind": question(
        tools=[
            {
                "functionDeclarations": [
                    {"name": "a", "parameters": OPENAPI, "behavior": "BLOCKING"},
                    {"name": "b", "parametersJsonSchema": SCHEMA, "response": {"type": "STRING"}},
                    {"name": "c"},
                ]
            },
            {"googleSearch": {}},
            {"codeExecution": {}},
            {"urlContext": {}},
            {"googleMaps": {"enableWidget": True}},
            {"functionDeclarations": [{"nom": "x"}]},
            "odd",
        ],
        toolConfig={
            "functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["a", "b"]},
            "retrievalConfig": {"languageCode": "de"},
        },
    ),
    "tools that are no list": question(tools={"a": 1}, toolConfig="x"),
    "any function": question(toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
    "one function": question(toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a"]}}),
    "some functions": question(
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}}
    ),
    "no function": question(toolConfig={"functionCallingConfig": {"mode": "NONE"}}),
    "auto, but some": question(toolConfig={"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["a"]}}),
    "a choice that nobody knows": question(toolConfig={"functionCallingConfig": {"mode": "NOVEL"}}),
    "names that are none": question(toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [1]}}),
    "a choice that is none": question(toolConfig={"functionCallingConfig": 5, "novel": 1}),
    "media of every kind": question(
        user(
            {"text": "look"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K", "displayName": "a.png"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
            {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}, "videoMetadata": {"startOffset": "1s", "fps": 2}},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}, "mediaResolution": {"level": "X"}},
            {"inlineData": {"mimeType": "text/csv", "data": "YSxi", "displayName": "t.csv"}},
            {"inlineData": {"mimeType": "text/plain", "data": "/w=="}},
            {"inlineData": {"mimeType": "text/plain", "data": "YSx"}},
            {"fileData": {"fileUri": "gs://bucket/a.png", "mimeType": "image/png"}},
            {"fileData": {"fileUri": "https://x.example/a.mp3", "mimeType": "audio/mp3"}},
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
            {
                "fileData": {
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                    "mimeType": "application/pdf",
                    "novel": 1,
                }
            },
            {"inlineData": {"mimeType": 5, "data": "x"}},
            {"fileData": {"fileUri": 5}},
            {"inlineData": "odd"},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"novel": 1},
            "odd",
            {"text": "signed", "thoughtSignature": "c2ln"},
            {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBO"}, "thoughtSignature": "c2ln"},
            {"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"},
            {"text": "odd", "thoughtSignature": 5},
            {"text": "more", "partMetadata": {"a": 1}},
        )
    ),
    "calls and results": question(
        user({"text": "go"}),
        model(
            {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "g", "args": {}}},
            {"functionCall": {"name": "g", "args": {"b": [None]}, "novel": 1}, "partMetadata": {}},
            {"functionCall": {"name": 5}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        ),
        user(
            {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"name": "g", "response": {"error": "failed"}}},
            {"functionResponse": {"name": "g", "response": {"result": [1], "more": 2}, "scheduling": "SILENT"}},
            {
                "functionResponse": {
                    "id": "c9",
                    "name": "h",
                    "response": {"output": ""},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}}],
                }
            },
            {"functionResponse": {"name": 5}},
        ),
        user({"text": "and then?"}, novel=1),
    ),
}
"""What is written as it was read, member by member."""

SPELLED: dict[str, tuple[Any, Any]] = {
    "names with underscores": (
        {
            "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "iVBO"}}]}],
            "system_instruction": {"parts": [{"text": "s"}]},
            "generation_config": {
                "max_output_tokens": 5,
                "thinking_config": {"thinking_budget": 1},
                "response_mime_type": "application/json",
            },
            "tools": [{"function_declarations": [{"name": "a", "parameters_json_schema": {"snake_case": 1}}]}],
            "tool_config": {"function_calling_config": {"mode": "any"}},
            "safety_settings": [],
        },
        {
            "contents": [user({"inlineData": {"mimeType": "image/png", "data": "iVBO"}})],
            "systemInstruction": {"parts": [{"text": "s"}]},
            "generationConfig": {
                "maxOutputTokens": 5,
                "thinkingConfig": {"thinkingBudget": 1},
                "responseMimeType": "application/json",
            },
            "tools": [{"functionDeclarations": [{"name": "a", "parametersJsonSchema": {"snake_case": 1}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "safetySettings": [],
        },
    ),
    "one in place of a list": (
        {"contents": [{"role": "model", "parts": {"text": "a"}}], "systemInstruction": {"parts": {"text": "s"}}},
        {"contents": [model({"text": "a"})], "systemInstruction": {"parts": [{"text": "s"}]}},
    ),
    "instructions as a text": (
        {"contents": [user({"text": "a"})], "systemInstruction": "s"},
        {"contents": [user({"text": "a"})], "systemInstruction": {"parts": [{"text": "s"}]}},
    ),
    "instructions that are none": (
        {"contents": [user({"text": "a"})], "systemInstruction": {"role": "system"}},
        {"contents": [user({"text": "a"})]},
    ),
    "older roles": (
        {
            "contents": [
                {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]}
            ]
        },
        {"contents": [user({"functionResponse": {"name": "f", "response": {"output": "1"}}})]},
    ),
    "a role that nobody knows": (
        {"contents": [{"role": "oracle", "parts": [{"text": "a"}]}]},
        {"contents": [{"role": "oracle", "parts": [{"text": "a"}]}]},
    ),
    "nothing to say": (
        {"contents": [{"role": "user", "parts": [{"text": ""}, {"text": "a", "thought": False}]}, {"role": "user"}]},
        {"contents": [user({"text": "a"}), user()]},
    ),
    "flags that say nothing": (
        {
            "contents": [
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "f", "args": None}, "thought": False},
                        {"functionResponse": {"name": "f"}, "thought": False},
                        {"inlineData": {"data": "AAAA"}, "thought": False},
                    ],
                }
            ],
            "generationConfig": {"temperature": None, "seed": "5", "candidateCount": 1.0, "topK": None},
            "toolConfig": None,
            "tools": [],
            "model": "models/x",
        },
        {
            "contents": [
                model(
                    {"functionCall": {"name": "f", "args": {}}},
                    {"functionResponse": {"name": "f", "response": {"output": ""}}},
                    {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
                )
            ],
            "generationConfig": {"seed": 5, "candidateCount": 1},
        },
    ),
}
"""What means the same in other words: as it is read, and as it is written."""


def body(value: Any) -> bytes:
    return json.dumps(value).encode()
