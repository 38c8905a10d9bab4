"""What to put where for each client, so that it asks this gateway.

Sources: the clients themselves, headless (Claude Code 2.1.197, Codex CLI 0.171.0, Gemini CLI 0.61.0, OpenCode 1.18.33, Qwen Code
0.15.10, pi 0.73.1), and their documentation, both read on 2026-11-30: code.claude.com/docs/en/llm-gateway,
developers.openai.com/codex/config-reference, github.com/google-gemini/gemini-cli, opencode.ai/docs/providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

CHAT: Final = "/v1/chat/completions"
MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
GENERATE: Final = "/v1beta/models/{model}:generateContent"


class Setting(NamedTuple):
    """where: a file, or what to type. text: what to put there; `@URL@`, `@MODEL@`, `@SMALL@` and `@KEY@` stand for the system's."""

    where: str
    text: str


class ClientSettings(NamedTuple):
    """One client. path: what it asks."""

    title: str
    path: str
    settings: tuple[Setting, ...]


SHELL: Final = "in the shell"

CLIENTS: Final[Mapping[str, ClientSettings]] = MappingProxyType(
    {
        "claude-code": ClientSettings(
            "Claude Code",
            MESSAGES,
            (
                Setting(
                    SHELL,
                    """\
export ANTHROPIC_BASE_URL=@URL@
export ANTHROPIC_AUTH_TOKEN=@KEY@
export ANTHROPIC_MODEL=@MODEL@
export ANTHROPIC_DEFAULT_OPUS_MODEL=@MODEL@
export ANTHROPIC_DEFAULT_SONNET_MODEL=@MODEL@
export ANTHROPIC_DEFAULT_HAIKU_MODEL=@SMALL@
export ANTHROPIC_SMALL_FAST_MODEL=@SMALL@
export CLAUDE_CODE_SUBAGENT_MODEL=@MODEL@
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
claude""",
                ),
            ),
        ),
        "codex": ClientSettings(
            "Codex CLI",
            RESPONSES,
            (
                Setting(
                    "~/.codex/config.toml",
                    """\
model = "@MODEL@"
model_provider = "headworks"
review_model = "@MODEL@"

[model_providers.headworks]
name = "Headworks"
base_url = "@URL@/v1"
env_key = "HEADWORKS_KEY"
wire_api = "responses\"""",
                ),
                Setting(SHELL, "export HEADWORKS_KEY=@KEY@\ncodex"),
            ),
        ),
        "gemini-cli": ClientSettings(
            "Gemini CLI",
            GENERATE,
            (
                Setting("~/.gemini/settings.json", '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'),
                Setting(
                    SHELL,
                    """\
export GOOGLE_GEMINI_BASE_URL=@URL@
export GEMINI_API_KEY=@KEY@
export GEMINI_MODEL=@MODEL@
gemini""",
                ),
            ),
        ),
        "opencode": ClientSettings(
            "OpenCode",
            CHAT,
            (
                Setting(
                    "opencode.json",
                    """\
{
  "$schema": "https://opencode.ai/config.json",
  "model": "headworks/@MODEL@",
  "small_model": "headworks/@SMALL@",
  "provider": {
    "headworks": {
      "npm": "@ai-sdk/openai-compatible",
      "options": {"baseURL": "@URL@/v1", "apiKey": "{env:HEADWORKS_KEY}"},
      "models": {"@MODEL@": {}, "@SMALL@": {}}
    }
  }
}""",
                ),
                Setting(SHELL, "export HEADWORKS_KEY=@KEY@\nopencode"),
            ),
        ),
        "qwen-code": ClientSettings(
            "Qwen Code",
            CHAT,
            (
                Setting(
                    SHELL,
                    """\
export OPENAI_BASE_URL=@URL@/v1
export OPENAI_API_KEY=@KEY@
export OPENAI_MODEL=@MODEL@
qwen --auth-type openai""",
                ),
            ),
        ),
        "openai": ClientSettings(
            "OpenAI SDK (Python and JavaScript), LangChain, LlamaIndex",
            CHAT,
            (
                Setting(SHELL, "export OPENAI_BASE_URL=@URL@/v1\nexport OPENAI_API_KEY=@KEY@"),
                Setting(
                    "in Python",
                    """\
from openai import OpenAI

client = OpenAI()
client.chat.completions.create(model="@MODEL@", messages=[{"role": "user", "content": "Hello"}])""",
                ),
            ),
        ),
        "openai-agents": ClientSettings(
            "OpenAI Agents SDK",
            RESPONSES,
            (
                Setting(SHELL, "export OPENAI_BASE_URL=@URL@/v1\nexport OPENAI_API_KEY=@KEY@\nexport OPENAI_AGENTS_DISABLE_TRACING=1"),
                Setting(
                    "in Python",
                    """\
from agents import Agent, Runner

print(Runner.run_sync(Agent(name="assistant", model="@MODEL@"), "Hello").final_output)""",
                ),
            ),
        ),
        "anthropic": ClientSettings(
            "Anthropic SDK (Python and JavaScript)",
            MESSAGES,
            (
                Setting(SHELL, "export ANTHROPIC_BASE_URL=@URL@\nexport ANTHROPIC_API_KEY=@KEY@"),
                Setting(
                    "in Python",
                    """\
from anthropic import Anthropic

client = Anthropic()
client.messages.create(model="@MODEL@", max_tokens=500, messages=[{"role": "user", "content": "Hello"}])""",
                ),
            ),
        ),
        "google-genai": ClientSettings(
            "Google Gen AI SDK",
            GENERATE,
            (
                Setting(SHELL, "export GOOGLE_GEMINI_BASE_URL=@URL@\nexport GEMINI_API_KEY=@KEY@"),
                Setting(
                    "in Python",
                    """\
from google import genai

client = genai.Client()
client.models.generate_content(model="@MODEL@", contents="Hello")""",
                ),
            ),
        ),
        "pydantic-ai": ClientSettings(
            "Pydantic AI",
            CHAT,
            (
                Setting(SHELL, "export OPENAI_BASE_URL=@URL@/v1\nexport OPENAI_API_KEY=@KEY@"),
                Setting(
                    "in Python",
                    """\
from pydantic_ai import Agent

print(Agent("openai-chat:@MODEL@").run_sync("Hello").output)""",
                ),
            ),
        ),
        "ai-sdk": ClientSettings(
            "Vercel AI SDK",
            CHAT,
            (
                Setting(
                    "in JavaScript",
                    """\
import { createOpenAI } from '@ai-sdk/openai';
import { generateText } from 'ai';

const headworks = createOpenAI({ baseURL: '@URL@/v1', apiKey: process.env.HEADWORKS_KEY });
console.log((await generateText({ model: headworks.chat('@MODEL@'), prompt: 'Hello' })).text);""",
                ),
                Setting(SHELL, "export HEADWORKS_KEY=@KEY@"),
            ),
        ),
        "curl": ClientSettings(
            "curl",
            CHAT,
            (
                Setting(
                    SHELL,
                    """\
curl -s @URL@/v1/chat/completions -H "Authorization: Bearer @KEY@" -H 'content-type: application/json' \\
  -d '{"model": "@MODEL@", "messages": [{"role": "user", "content": "Hello"}]}'""",
                ),
            ),
        ),
    }
)  # fmt: skip
"""By the name that the command takes."""
