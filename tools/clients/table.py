"""All clients that are tried: the rows of `docs/clients.md`."""

from __future__ import annotations

from typing import Final

from tools.clients.client import Client
from tools.clients.commands import claude_code, codex, gemini_cli, opencode

PYDANTIC: Final = "pydantic_ai_sdk"
VERCEL: Final = "ai_sdk.mjs"
UNSTORED: Final = "Vercel AI SDK, `openai()` with `store: false`"

CLIENTS: Final[tuple[Client, ...]] = (
    Client("claude-code", "Claude Code", "anthropic", "@anthropic-ai/claude-code", command=claude_code),
    Client("codex", "Codex CLI", "responses", "@openai/codex", command=codex),
    Client("gemini-cli", "Gemini CLI", "gemini", "@google/gemini-cli", command=gemini_cli),
    Client("opencode", "OpenCode", "chat", "opencode-ai", command=opencode),
    Client("openai-chat", "OpenAI SDK, chat", "chat", "openai", ("openai_chat",)),
    Client("openai-responses", "OpenAI SDK, Responses", "responses", "openai", ("openai_responses",)),
    Client("anthropic", "Anthropic SDK", "anthropic", "anthropic", ("anthropic_sdk",)),
    Client("google-genai", "Google Gen AI SDK", "gemini", "google-genai", ("google_genai",)),
    Client("agents", "OpenAI Agents", "responses", "openai-agents", ("agents_sdk",)),
    Client("pydantic-ai", "pydantic-ai, `openai:`", "responses", "pydantic-ai-slim", (PYDANTIC, "openai")),
    Client("pydantic-ai-chat", "pydantic-ai, `openai-chat:`", "chat", "pydantic-ai-slim", (PYDANTIC, "openai-chat")),
    Client(
        "pydantic-ai-anthropic", "pydantic-ai, `anthropic:`", "anthropic", "pydantic-ai-slim", (PYDANTIC, "anthropic")
    ),
    Client("pydantic-ai-google", "pydantic-ai, `google:`", "gemini", "pydantic-ai-slim", (PYDANTIC, "google")),
    Client("langchain-openai", "LangChain, OpenAI", "chat", "langchain-openai", ("langchain_sdk", "openai")),
    Client(
        "langchain-anthropic",
        "LangChain, Anthropic",
        "anthropic",
        "langchain-anthropic",
        ("langchain_sdk", "anthropic"),
    ),
    Client("ai-sdk", "Vercel AI SDK, `openai()`", "responses", "ai", (VERCEL, "responses")),
    Client("ai-sdk-unstored", UNSTORED, "responses", "ai", (VERCEL, "responses-unstored")),
    Client("ai-sdk-chat", "Vercel AI SDK, `.chat()`", "chat", "ai", (VERCEL, "chat")),
    Client("ai-sdk-anthropic", "Vercel AI SDK, Anthropic", "anthropic", "ai", (VERCEL, "anthropic")),
    Client("ai-sdk-google", "Vercel AI SDK, Google", "gemini", "ai", (VERCEL, "google")),
    # The newest major, where it is another than the pinned version.
    Client("claude-code-newest", "Claude Code", "anthropic", "@anthropic-ai/claude-code", (), claude_code, "newest"),
    Client("google-genai-newest", "Google Gen AI SDK", "gemini", "google-genai", ("google_genai",), None, "newest"),
    Client("ai-sdk-newest", "Vercel AI SDK, `openai()`", "responses", "ai", (VERCEL, "responses"), None, "newest"),
    Client("ai-sdk-unstored-newest", UNSTORED, "responses", "ai", (VERCEL, "responses-unstored"), None, "newest"),
    Client("ai-sdk-chat-newest", "Vercel AI SDK, `.chat()`", "chat", "ai", (VERCEL, "chat"), None, "newest"),
    Client(
        "ai-sdk-anthropic-newest", "Vercel AI SDK, Anthropic", "anthropic", "ai", (VERCEL, "anthropic"), None, "newest"
    ),
    Client("ai-sdk-google-newest", "Vercel AI SDK, Google", "gemini", "ai", (VERCEL, "google"), None, "newest"),
)

LIGHT: Final = ("openai-chat", "anthropic")
"""The two that `.ci/run` drives: they install in seconds."""
