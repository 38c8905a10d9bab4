"""How the agents' command lines are started, headless: the settings that `headworks connect` prints, and their own flags.

Source: the clients themselves, and code.claude.com/docs/en/headless, developers.openai.com/codex/noninteractive,
github.com/google-gemini/gemini-cli (docs/cli/headless.md), opencode.ai/docs/cli, read on 2026-12-01.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from tools.clients.client import Command, Job, Places

STEP: Final = re.compile(r"^Step \d+\.\s*$", re.MULTILINE)
"""What the vendor of ours says before a call."""


def claude_code(job: Job, home: Path, places: Places) -> Command:
    # Its first model must be one of its own names or any other: both are answered.
    environment = {
        "ANTHROPIC_BASE_URL": job.url,
        "ANTHROPIC_AUTH_TOKEN": job.key,
        "ANTHROPIC_MODEL": job.model,
        "ANTHROPIC_SMALL_FAST_MODEL": job.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": job.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
    }
    binary = next(places.packages.glob("node_modules/@anthropic-ai/claude-code-linux-*/claude"))
    asked = ["-p", job.prompt, "--output-format", "json", "--allowedTools", "Bash", "--max-turns", "400"]
    return Command([str(binary), *asked], environment, {}, _claude_text)


def _claude_text(printed: str) -> str:
    said: Any = json.loads(printed or "{}")
    return "" if said.get("is_error") else str(said.get("result", ""))


def codex(job: Job, home: Path, places: Places) -> Command:
    settings = f"""\
model = "{job.model}"
model_provider = "headworks"
review_model = "{job.model}"

[model_providers.headworks]
name = "Headworks"
base_url = "{job.url}/v1"
env_key = "HEADWORKS_KEY"
wire_api = "responses"
"""
    script = places.packages / "node_modules/@openai/codex/bin/codex.js"
    flags = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    arguments = [places.node, str(script), "exec", *flags, job.prompt]
    environment = {"HEADWORKS_KEY": job.key, "CODEX_HOME": str(home / ".codex")}
    return Command(arguments, environment, {".codex/config.toml": settings}, str.strip)


def gemini_cli(job: Job, home: Path, places: Places) -> Command:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
    }
    environment = {
        "GOOGLE_GEMINI_BASE_URL": job.url,
        "GEMINI_API_KEY": job.key,
        "GEMINI_MODEL": job.model,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    script = places.packages / "node_modules/@google/gemini-cli/bundle/gemini.js"
    asked = ["-p", job.prompt, "--approval-mode", "yolo", "--output-format", "json", "-m", job.model]
    files = {".gemini/settings.json": json.dumps(settings)}
    return Command([places.node, str(script), *asked], environment, files, _gemini_text)


def _gemini_text(printed: str) -> str:
    said: Any = json.loads(printed[printed.find("{") :] or "{}")
    return str(said.get("response") or "")


def opencode(job: Job, home: Path, places: Places) -> Command:
    model: dict[str, Any] = {job.model: {}}
    options = {"baseURL": f"{job.url}/v1", "apiKey": "{env:HEADWORKS_KEY}"}
    settings = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "permission": "allow",
        "model": f"headworks/{job.model}",
        "small_model": f"headworks/{job.model}",
        "provider": {"headworks": {"npm": "@ai-sdk/openai-compatible", "options": options, "models": model}},
    }
    binary = places.packages / "node_modules/opencode-linux-x64/bin/opencode"
    environment = {"HEADWORKS_KEY": job.key, "OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
    files = {"work/opencode.json": json.dumps(settings)}
    return Command([str(binary), "run", job.prompt], environment, files, _opencode_text)


def _opencode_text(printed: str) -> str:
    """It prints what the model says before its calls, too."""
    return STEP.sub("", printed).strip()
