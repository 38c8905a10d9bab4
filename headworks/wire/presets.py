"""Vendors and servers that people name in `dialect:`: where each is, where its key is kept, what is particular. One row each.

Always true: this file is data. A row says nothing that its sources do not say; what is left empty is as at OpenAI. The row
is found by its word (`dialect: groq`), which decides; of a provider that is written as `dialect: openai` by the host of its
base URL. How errors and token counts differ is read without knowing the vendor (`vendor_errors.py`, `usage_forms.py`).

A word whose row has another `speaks` than `openai` is a dialect of its own: the row has its address and its keys. All
rows were read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from headworks.core.dialect import Prefill
from headworks.wire.hub.carrying import Row

Prefills: TypeAlias = tuple[tuple[str, str, Prefill], ...]


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor.

    base_url: what the word implies, with `{key}` for what the provider's key of that name says. versioned_url: the same where
    `api_version` is written, located_url where a `location` is that has a host of its own. hosts: its hosts, and the paths that a base URL for OpenAI's dialect has there.
    keys: environment variables that hold its key, the first that is set counts. is_open: it is asked without a key, too.
    credential: the kind of credential that it is asked with where no key is there.
    model: for a first system file; reasons: that model thinks first, and takes other parameters.
    bound: the only name by which it knows the bound on an answer. counts: it takes `stream_options`.
    prefills: what begins how (`wire/prefill.py`): a part of the base URL, how the model's name begins, the form.
    apis: which of OpenAI's it is asked by, where not the usual ones (`wire/openai/dialect.py`).
    partly: further ones that it has in part or as a beta, with the page that says so: a provider asks by them only where the file's
    `apis` says so, for a translated call loses less (docs/adr/0123).
    fates: fields that it does not take, where a call is translated for it. renamed: members that it calls otherwise.
    """

    word: str
    title: str
    sources: tuple[str, ...]
    base_url: str = ""
    versioned_url: str = ""
    located_url: str = ""
    hosts: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    keys: tuple[str, ...] = ()
    is_open: bool = False
    credential: str = ""
    speaks: str = "openai"
    model: str = ""
    reasons: bool = False
    bound: Literal["", "max_tokens", "max_completion_tokens"] = ""
    counts: bool = True
    prefills: Prefills = ()
    apis: tuple[str, ...] = ()
    partly: Mapping[str, str] = MappingProxyType({})
    fates: Mapping[str, Row] = MappingProxyType({})
    renamed: Mapping[str, str] = MappingProxyType({})

    @property
    def is_particular(self) -> bool:
        """Whether a request to it differs from one to OpenAI."""
        return bool(self.bound or not self.counts or self.fates or self.renamed)


_UNKNOWN: Final = Row("left_out", "", "this vendor refuses calls with it")
_NO_LOGPROBS: Final = Row("refused", "logprobs", "this vendor tells no likelihoods")
_NO_BIAS: Final = Row("refused", "logit_bias", "this vendor takes no biases")
_NO_TOOLS: Final = Row("refused", "tools", "this vendor calls no tools of callers")

_SERVER: Final = ("chat", "completions", "embeddings")
"""What servers of open models have, each by its source below."""

PRESETS: Final = (
    # Vendors of OpenAI's dialect
    Preset(
        word="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        hosts={"api.openai.com": ("/v1",)},
        keys=("OPENAI_API_KEY",),
        model="gpt-5-mini",
        reasons=True,
        apis=("chat", "responses", "embeddings"),
        sources=("https://platform.openai.com/docs/api-reference",),
    ),
    Preset(
        word="together",
        title="Together AI",
        base_url="https://api.together.xyz/v1",
        hosts={"api.together.xyz": ("/v1",), "api.together.ai": ("/v1",)},
        keys=("TOGETHER_API_KEY",),
        model="openai/gpt-oss-120b",
        bound="max_tokens",
        sources=(
            "https://docs.together.ai/docs/openai-api-compatibility",
            "https://docs.together.ai/reference/chat-completions-1",
        ),
    ),
    Preset(
        word="mistral",
        title="Mistral",
        base_url="https://api.mistral.ai/v1",
        hosts={"api.mistral.ai": ("/v1",)},
        keys=("MISTRAL_API_KEY",),
        model="mistral-small-latest",
        bound="max_tokens",  # with the newer name: 422 `extra_forbidden`, as with every field that it does not know
        counts=False,  # the last event of a stream always has the tokens
        prefills=(("", "", "repeated_prefix"),),
        fates={
            "user": _UNKNOWN,
            "store": _UNKNOWN,
            "service_tier": _UNKNOWN,
            "verbosity": _UNKNOWN,
            "cache_key": _UNKNOWN,
            "cache_retention": _UNKNOWN,
            "turns.name": _UNKNOWN,
            "sampling.logit_bias": _NO_BIAS,
        },
        renamed={"seed": "random_seed"},
        sources=(
            "https://docs.mistral.ai/api",
            "editor-code-assistant/eca#315",
            "https://github.com/mistralai/client-python (chatcompletionrequest.py, 3.7.0)",
        ),
    ),
    Preset(
        word="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        hosts={"api.groq.com": ("/openai/v1",)},
        keys=("GROQ_API_KEY",),
        model="llama-3.1-8b-instant",
        fates={
            "turns.name": _UNKNOWN,
            "sampling.logprobs": _NO_LOGPROBS,
            "sampling.top_logprobs": _NO_LOGPROBS,
            "sampling.logit_bias": _NO_BIAS,
        },
        partly={"responses": "https://console.groq.com/docs/responses-api"},
        sources=("https://console.groq.com/docs/openai",),
    ),
    Preset(
        word="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com/v1",
        hosts={"api.deepseek.com": ("", "/v1", "/beta")},
        keys=("DEEPSEEK_API_KEY",),
        model="deepseek-chat",
        bound="max_tokens",
        prefills=(("api.deepseek.com/beta", "", "prefix"),),
        sources=(
            "https://api-docs.deepseek.com",
            "https://api-docs.deepseek.com/api/create-chat-completion",
            "https://api-docs.deepseek.com/guides/chat_prefix_completion",
        ),
    ),
    Preset(
        word="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        hosts={"openrouter.ai": ("/api/v1",)},
        keys=("OPENROUTER_API_KEY",),
        model="openai/gpt-5-mini",
        reasons=True,
        prefills=(("", r"anthropic/claude-", "message"),),
        partly={"responses": "https://openrouter.ai/docs/api/reference/responses/overview"},
        sources=("https://openrouter.ai/docs/quickstart",),
    ),
    Preset(
        word="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        hosts={"api.x.ai": ("/v1",)},
        keys=("XAI_API_KEY",),
        model="grok-4-1-fast-non-reasoning",
        partly={"responses": "https://docs.x.ai/developers/model-capabilities/text/generate-text"},
        sources=("https://docs.x.ai/docs/api-reference",),
    ),
    Preset(
        word="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        hosts={"api.fireworks.ai": ("/inference/v1",)},
        keys=("FIREWORKS_API_KEY",),
        model="accounts/fireworks/models/gpt-oss-120b",
        partly={"responses": "https://docs.fireworks.ai/guides/response-api"},
        sources=("https://docs.fireworks.ai/tools-sdks/openai-compatibility",),
    ),
    Preset(
        word="cerebras",
        title="Cerebras",
        base_url="https://api.cerebras.ai/v1",
        hosts={"api.cerebras.ai": ("/v1",)},
        keys=("CEREBRAS_API_KEY",),
        model="gpt-oss-120b",
        sources=("https://inference-docs.cerebras.ai/resources/openai",),
    ),
    Preset(
        word="nvidia",
        title="NVIDIA NIM",
        base_url="https://integrate.api.nvidia.com/v1",
        hosts={"integrate.api.nvidia.com": ("/v1",)},
        keys=("NVIDIA_API_KEY",),
        model="meta/llama-3.3-70b-instruct",
        bound="max_tokens",
        sources=("https://docs.api.nvidia.com/nim/reference/llm-apis",),
    ),
    Preset(
        word="perplexity",
        title="Perplexity",
        base_url="https://api.perplexity.ai",
        hosts={"api.perplexity.ai": ("", "/v1")},
        keys=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        model="sonar",
        bound="max_tokens",
        fates={
            "tools": _NO_TOOLS,
            "tools.custom": _NO_TOOLS,
            "tools.group": _NO_TOOLS,
            "sampling.logprobs": _NO_LOGPROBS,
            "sampling.top_logprobs": _NO_LOGPROBS,
            "sampling.logit_bias": _NO_BIAS,
        },
        sources=(
            "https://docs.perplexity.ai/api-reference/chat-completions-post",
            "https://docs.spring.io/spring-ai/reference/2.1-SNAPSHOT/integrations/models/openai-compatible/perplexity.html",
        ),
    ),
    Preset(
        word="moonshot",
        title="Moonshot AI",
        base_url="https://api.moonshot.ai/v1",
        hosts={"api.moonshot.ai": ("/v1",), "api.moonshot.cn": ("/v1",)},
        keys=("MOONSHOT_API_KEY",),
        model="kimi-k2.6",
        sources=("https://platform.moonshot.ai/docs/api/chat",),
    ),
    Preset(
        word="zai",
        title="Z.ai (Zhipu AI)",
        base_url="https://api.z.ai/api/paas/v4",
        hosts={
            "api.z.ai": ("/api/paas/v4", "/api/coding/paas/v4"),
            "open.bigmodel.cn": ("/api/paas/v4", "/api/coding/paas/v4"),
        },
        keys=("ZAI_API_KEY", "ZHIPUAI_API_KEY"),
        model="glm-4.7",
        bound="max_tokens",
        sources=("https://docs.z.ai/api-reference/introduction", "https://docs.bigmodel.cn/cn/api/introduction"),
    ),
    Preset(
        word="dashscope",
        title="Alibaba Model Studio",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        hosts={
            "dashscope.aliyuncs.com": ("/compatible-mode/v1",),
            "dashscope-intl.aliyuncs.com": ("/compatible-mode/v1",),
        },
        keys=("DASHSCOPE_API_KEY",),
        model="qwen-plus",
        bound="max_tokens",
        sources=("https://www.alibabacloud.com/help/en/model-studio",),
    ),
    Preset(
        word="cohere",
        title="Cohere",
        base_url="https://api.cohere.ai/compatibility/v1",
        hosts={"api.cohere.ai": ("/compatibility/v1",), "api.cohere.com": ("/compatibility/v1",)},
        keys=("COHERE_API_KEY", "CO_API_KEY"),
        model="command-a-03-2025",
        bound="max_tokens",
        sources=("https://docs.cohere.com/docs/compatibility-api",),
    ),
    Preset(
        word="sambanova",
        title="SambaNova",
        base_url="https://api.sambanova.ai/v1",
        hosts={"api.sambanova.ai": ("/v1",)},
        keys=("SAMBANOVA_API_KEY",),
        model="Meta-Llama-3.3-70B-Instruct",
        bound="max_tokens",
        sources=("https://docs.sambanova.ai",),
    ),
    Preset(
        word="deepinfra",
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        hosts={"api.deepinfra.com": ("/v1/openai",)},
        keys=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        model="meta-llama/Llama-3.3-70B-Instruct",
        bound="max_tokens",
        sources=("https://deepinfra.com/docs/openai_api",),
    ),
    Preset(
        word="huggingface",
        title="Hugging Face Inference Providers",
        base_url="https://router.huggingface.co/v1",
        keys=("HF_TOKEN",),
        model="openai/gpt-oss-120b",
        partly={"responses": "https://huggingface.co/docs/inference-providers/guides/responses-api"},
        sources=("https://huggingface.co/docs/inference-providers/tasks/chat-completion",),
    ),
    # Servers that people run themselves
    Preset(
        word="ollama",
        title="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        keys=("OLLAMA_API_KEY",),
        is_open=True,
        bound="max_tokens",  # the newer name is no field there, so the answer would have no bound
        apis=_SERVER,
        partly={"responses": "https://docs.ollama.com/api/openai-compatibility"},
        sources=("https://docs.ollama.com/api/openai-compatibility",),
    ),
    Preset(
        word="vllm",
        title="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        keys=("VLLM_API_KEY",),
        is_open=True,
        prefills=(("", "", "final_message"),),
        apis=_SERVER,
        partly={"responses": "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"},
        sources=("https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",),
    ),
    Preset(
        word="sglang",
        title="SGLang",
        base_url="http://127.0.0.1:30000/v1",
        is_open=True,
        prefills=(("", "", "final_message"),),
        apis=_SERVER,
        sources=("https://docs.sglang.ai/basic_usage/openai_api_completions.html",),
    ),
    Preset(
        word="lmstudio",
        title="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        keys=("LM_API_TOKEN",),
        is_open=True,
        bound="max_tokens",
        apis=_SERVER,
        partly={"responses": "https://lmstudio.ai/blog/lmstudio-v0.3.29"},
        sources=("https://lmstudio.ai/docs/developer/openai-compat",),
    ),
    Preset(
        word="llamacpp",
        title="llama.cpp's server",
        base_url="http://127.0.0.1:8080/v1",
        keys=("LLAMA_API_KEY",),
        is_open=True,
        prefills=(("", "", "message"),),
        apis=_SERVER,
        partly={"responses": "https://github.com/ggml-org/llama.cpp/tree/master/tools/server"},
        sources=("https://github.com/ggml-org/llama.cpp/tree/master/tools/server",),
    ),
    # Vendors with a dialect of their own
    Preset(
        word="anthropic",
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        hosts={"api.anthropic.com": ("/v1",)},
        keys=("ANTHROPIC_API_KEY",),
        speaks="anthropic",
        model="claude-haiku-4-5",
        prefills=(("", r"claude-", "message"),),
        sources=("https://docs.claude.com/en/api/overview", "https://docs.claude.com/en/api/openai-sdk"),
    ),
    Preset(
        word="gemini",
        title="Google Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        hosts={"generativelanguage.googleapis.com": ("/v1beta/openai", "/v1/openai")},
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        speaks="gemini",
        model="gemini-3.5-flash",
        reasons=True,
        sources=("https://ai.google.dev/gemini-api/docs/api-key", "https://ai.google.dev/gemini-api/docs/openai"),
    ),
    Preset(
        word="vertex",
        title="Google Vertex AI",
        base_url="https://aiplatform.googleapis.com/v1/projects/{project}/locations/global/publishers/google",
        located_url="https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/publishers/google",
        credential="google",
        speaks="vertex",
        sources=("https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations",),
    ),
    Preset(
        word="azure",
        title="Azure OpenAI",
        apis=(
            "chat",
            "responses",
            "embeddings",
        ),  # at the newer address; the older ones have chat and embeddings by default
        base_url="https://{resource}.openai.azure.com/openai/v1",
        versioned_url="https://{resource}.openai.azure.com?api-version={api_version}",
        keys=("AZURE_OPENAI_API_KEY",),
        speaks="azure",
        sources=(
            "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference",
            "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/responses",
        ),
    ),
    Preset(
        word="bedrock",
        title="Amazon Bedrock",
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        credential="aws",
        keys=("AWS_BEARER_TOKEN_BEDROCK",),
        speaks="bedrock",
        sources=("https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html",),
    ),
)
"""In the order in which their keys are looked for by `headworks init`."""

BY_WORD: Final[Mapping[str, Preset]] = MappingProxyType({one.word: one for one in PRESETS})
BY_HOST: Final[Mapping[str, Preset]] = MappingProxyType({host: one for one in PRESETS for host in one.hosts})

WORDS: Final = tuple(one.word for one in PRESETS if one.speaks == "openai" and one.word != "openai")
"""What may be written as `dialect:` for a vendor of OpenAI's dialect."""


def preset_of(word: str, base_url: str) -> Preset | None:
    """The row of a provider: by its word, else by its host. None for a vendor that no row is about."""
    if word != "openai" and (named := BY_WORD.get(word)) is not None:
        return named
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return None
    return BY_HOST.get(host.lower())
