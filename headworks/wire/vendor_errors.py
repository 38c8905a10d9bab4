"""How each large vendor of OpenAI's dialect says what went wrong: one row a vendor, with where it was read.

Always true: this file is data. A form holds what one vendor sends for one meaning: the status, `type` and `code` where
they tell something, and words of the message (`...` stands for what differs from error to error). What a form means for
a call is said in `error_reading.py`, how a vendor's answer is held against the forms in `error_meaning.py`. Each form is
walked by a test, and `docs/compatibility.md` prints the table.

Words about us (credit, key, model) count only where the message begins with them: what a vendor quotes of a caller
comes later, and no caller may have a target set aside. Forms whose status is 200 come inside a success.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

Meaning: TypeAlias = Literal[
    "filtered", "too_long", "no_credit", "bad_key", "unknown_model", "overloaded", "rate_limited", "unsuited"
]
"""unsuited: the target exists, and cannot take what this call asks for (a picture, a tool, a route of the caller's)."""

Shape: TypeAlias = Literal["error", "list", "flat", "bare", "text", "errors", "base_resp"]
"""Where a body has its words: in `error`; in that within a list; beside `error`, which is the text; at the top; `error`
alone, a text; in a list `errors`; in `base_resp`."""


class Form(msgspec.Struct, frozen=True):
    """What a vendor sends for one meaning."""

    meaning: Meaning
    status: int
    words: str = ""
    type: str = ""
    code: str = ""


class Vendor(msgspec.Struct, frozen=True):
    """One row. source: where the forms were read: a page of the vendor's, or an issue that quotes its answer."""

    name: str
    forms: tuple[Form, ...]
    source: tuple[str, ...]
    shape: Shape = "error"


_INVALID: Final = "invalid_request_error"

VENDORS: Final = (
    Vendor(
        "OpenAI",
        (
            Form("filtered", 400, "Invalid prompt: your prompt was flagged", _INVALID, "invalid_prompt"),
            Form("filtered", 400, "", "image_generation_user_error", "moderation_blocked"),
            Form("too_long", 400, "This model's maximum context length is ...", _INVALID, "context_length_exceeded"),
            Form("no_credit", 429, "", "insufficient_quota", "insufficient_quota"),
            Form("bad_key", 401, "Incorrect API key provided", _INVALID, "invalid_api_key"),
            Form("unknown_model", 404, "The model `...` does not exist", _INVALID, "model_not_found"),
            Form("overloaded", 503, "The engine is currently overloaded"),
            Form("rate_limited", 429, "Rate limit reached for ...", "tokens", "rate_limit_exceeded"),
            Form("rate_limited", 429, "Request too large for ...", "tokens", "rate_limit_exceeded"),
        ),
        ("https://platform.openai.com/docs/guides/error-codes", "BeehiveInnovations/pal-mcp-server#178"),
    ),
    Vendor(
        "Azure OpenAI",
        (
            Form("filtered", 400, "The response was filtered due to the prompt triggering", "", "content_filter"),
            Form("too_long", 413, "Request body too large for ... model", "", "tokens_limit_reached"),
            Form("bad_key", 401, "Access denied due to invalid subscription key"),
            Form("unknown_model", 404, "The API deployment for this resource does not exist", "", "DeploymentNotFound"),
            Form("rate_limited", 429, "Requests to the ... have exceeded ... rate limit"),
        ),
        ("compl-ai/compl-ai#20", "dyad-sh/dyad#1950", "jasonacox/TinyLLM#17", "openai/codex#1354"),
    ),
    Vendor(
        "Anthropic",
        (
            Form("filtered", 400, "Output blocked by content filtering policy", _INVALID),
            Form("too_long", 400, "prompt is too long: ... tokens > ... maximum", _INVALID),
            Form("too_long", 400, "input length and `max_tokens` exceed context limit", _INVALID),
            Form("no_credit", 400, "Your credit balance is too low", _INVALID),
            Form("no_credit", 402, "", "billing_error"),
            Form("bad_key", 401, "invalid x-api-key", "authentication_error"),
            Form("bad_key", 403, "", "permission_error"),
            Form("unknown_model", 404, "model: ...", "not_found_error"),
            Form("overloaded", 529, "Overloaded", "overloaded_error"),
            Form("rate_limited", 429, "", "rate_limit_error"),
        ),
        ("https://docs.anthropic.com/en/api/errors", "router-for-me/CLIProxyAPI#3859", "kortix-ai/suna#172"),
    ),
    Vendor(
        "Google Gemini",
        (
            Form("too_long", 400, "The input token count ... exceeds the maximum number of tokens", "INVALID_ARGUMENT"),
            Form("bad_key", 400, "API key not valid", "INVALID_ARGUMENT"),
            Form("bad_key", 400, "API key expired", "INVALID_ARGUMENT"),
            Form("bad_key", 400, "User location is not supported for the API use", "FAILED_PRECONDITION"),
            Form("bad_key", 403, "", "PERMISSION_DENIED"),
            Form("unknown_model", 404, "models/... is not found for API version", "NOT_FOUND"),
            Form("overloaded", 503, "The model is overloaded", "UNAVAILABLE"),
            Form("rate_limited", 429, "You exceeded your current quota", "RESOURCE_EXHAUSTED"),
        ),
        (
            "https://ai.google.dev/gemini-api/docs/troubleshooting",
            "karthink/gptel#667",
            "dcdpr/jp#1061",
            "https://github.com/FirebaseExtended/vertexai-sdk-test-data",
        ),
        "list",
    ),
    Vendor(
        "xAI",
        (
            Form("filtered", 403, "Content violates usage guidelines"),
            Form("filtered", 403, "Failed check: SAFETY_CHECK"),
            Form("too_long", 400, "This model's maximum prompt length is ..."),
            Form("no_credit", 403, "Your team ... has either used all available credits"),
            Form("no_credit", 429, "Your team ... has either used all available credits"),
            Form("bad_key", 400, "Incorrect API key provided"),
            Form("unknown_model", 404, "The model ... does not exist or your team"),
            Form("rate_limited", 429, "Too many tokens for team ..."),
        ),
        ("UKGovernmentBEIS/inspect_ai#2267", "continuedev/continue#10373", "openai/codex#1352", "cline/cline#4826"),
        "flat",
    ),
    Vendor(
        "Mistral",
        (
            Form("too_long", 400, "Prompt contains ... too large for model with ... maximum context length"),
            Form("too_long", 400, "Too many tokens in batch", _INVALID),
            Form("bad_key", 401, "Unauthorized"),
            Form("unknown_model", 400, "Invalid model: ...", "invalid_model", "1500"),
            Form("overloaded", 429, "Service tier capacity exceeded for this model", _INVALID),
            Form("rate_limited", 429, "Rate limit exceeded", "rate_limited", "1300"),
        ),
        (
            "https://docs.mistral.ai/resources/known-limitations",
            "aurelio-labs/semantic-router#297",
            "continuedev/continue#6185",
            "cline/cline#9085",
        ),
        "bare",
    ),
    Vendor(
        "Groq",
        (
            Form("too_long", 400, "Please reduce the length of the messages", _INVALID, "context_length_exceeded"),
            Form("no_credit", 400, "Organization has been restricted", _INVALID, "organization_restricted"),
            Form("bad_key", 401, "Invalid API Key", _INVALID, "invalid_api_key"),
            Form("unknown_model", 404, "The model `...` does not exist", _INVALID, "model_not_found"),
            Form("overloaded", 498, "", "", "capacity_exceeded"),
            Form("rate_limited", 413, "Request too large for model ...", "tokens", "rate_limit_exceeded"),
            Form("rate_limited", 429, "Rate limit reached for model ...", "tokens", "rate_limit_exceeded"),
        ),
        (
            "https://console.groq.com/docs/errors",
            "https://console.groq.com/docs/flex-processing",
            "HunorLaczko/ha-groq-cloud-api#27",
        ),
    ),
    Vendor(
        "DeepSeek",
        (
            Form("filtered", 400, "Content Exists Risk", _INVALID),
            Form("too_long", 400, "This model's maximum context length is ...", _INVALID),
            Form("no_credit", 402, "Insufficient Balance", "unknown_error"),
            Form("bad_key", 401, "Authentication Fails", "authentication_error"),
            Form("unknown_model", 400, "Model Not Exist", _INVALID),
            Form("overloaded", 503),
            Form("rate_limited", 429),
        ),
        ("https://api-docs.deepseek.com/quick_start/error_codes", "danilofalcao/jarvis#62", "zebbern/Devonz#9"),
    ),
    Vendor(
        "OpenRouter",
        (
            Form("filtered", 403, "... input was flagged"),
            Form("too_long", 400, "This endpoint's maximum context length is ..."),
            Form("no_credit", 402, "Insufficient credits"),
            Form("bad_key", 401, "No auth credentials found"),
            Form("unknown_model", 404, "No endpoints found for ..."),
            Form("unsuited", 404, "No endpoints found that ..."),
            Form("unsuited", 404, "No allowed providers are available for the selected model"),
            Form("unsuited", 402, "This request requires more credits, or fewer max_tokens"),
            Form("overloaded", 502, "Provider returned error"),
            Form("rate_limited", 429, "Rate limit exceeded: ..."),
        ),
        (
            "https://openrouter.ai/docs/api/reference/errors-and-debugging",
            "openclaw/openclaw#99079",
            "farion1231/cc-switch#995",
            "continuedev/continue#10298",
        ),
    ),
    Vendor(
        "Together AI",
        (
            Form("too_long", 422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= ..."),
            Form("bad_key", 401, "Invalid API key provided", _INVALID, "invalid_api_key"),
            Form("unknown_model", 400, "Unable to access ... model", _INVALID, "model_not_available"),
            Form("unknown_model", 400, "The dedicated endpoint for ...", _INVALID, "dedicated_endpoint_not_running"),
            Form("no_credit", 402, "Credit limit exceeded"),
            Form("overloaded", 503),
            Form("rate_limited", 429),
        ),
        ("https://docs.together.ai/docs/error-codes", "HeyPuter/puter#3168", "stanford-crfm/helm#2079"),
    ),
    Vendor(
        "Fireworks AI",
        (
            Form("no_credit", 412, "Account ... is suspended", "error", "PRECONDITION_FAILED"),
            Form("unknown_model", 404, "Model not found, inaccessible, and/or not deployed", "error", "NOT_FOUND"),
            Form("overloaded", 503),
            Form("rate_limited", 429),
        ),
        ("warpdotdev/warp#15107", "pollinations/pollinations#12136"),
    ),
    Vendor(
        "Cerebras",
        (
            Form(
                "too_long",
                400,
                "Please reduce the length of the messages or completion",
                _INVALID,
                "context_length_exceeded",
            ),
            Form("bad_key", 401, "Wrong API Key", _INVALID, "wrong_api_key"),
            Form("unknown_model", 404, "Model ... does not exist", "not_found_error", "model_not_found"),
            Form("overloaded", 429, "", "too_many_requests_error", "queue_exceeded"),
            Form("rate_limited", 429, "", "too_many_requests_error", "request_quota_exceeded"),
            Form("rate_limited", 429, "", "too_many_requests_error", "token_quota_exceeded"),
        ),
        (
            "https://inference-docs.cerebras.ai/support/error",
            "cline/cline#5140",
            "nminaya/grammar-nazi-bot#958",
            "explyt/explyt#35",
        ),
        "bare",
    ),
    Vendor(
        "Cohere",
        (
            Form("filtered", 498, "... usage guidelines"),
            Form("too_long", 400, "too many tokens: ..."),
            Form("no_credit", 402),
            Form("bad_key", 401, "invalid api token"),
            Form("unknown_model", 404, "model '...' not found"),
            Form("rate_limited", 429, "You are using a Trial key"),
        ),
        ("https://docs.cohere.com/errors-reference", "cohere-ai/cohere-developer-experience#189"),
        "bare",
    ),
    Vendor(
        "Cloudflare Workers AI",
        (
            Form("too_long", 400, "AiError: This model's maximum context length is ..."),
            Form("no_credit", 429, "You have used up your daily free allocation", "", "3036"),
            Form("bad_key", 401, "Authentication error", "", "10000"),
            Form("bad_key", 403, "The account is not allowed to access this model", "", "5018"),
            Form("unknown_model", 400, "No such model ...", "", "5007"),
            Form("unknown_model", 404, "The model name is invalid", "", "3042"),
            Form("overloaded", 429, "No more data centers to forward the request to", "", "3040"),
        ),
        ("https://developers.cloudflare.com/workers-ai/platform/errors/", "cloudflare/cloudflare-docs#29731"),
        "errors",
    ),
    Vendor(
        "Moonshot AI",
        (
            Form("filtered", 400, "The request was rejected because it was considered high risk", "content_filter"),
            Form("too_long", 400, "Your request exceeded model token limit", _INVALID),
            Form("too_long", 400, "Input token length too long", _INVALID),
            Form("no_credit", 403, "Your account ... is not active", "exceeded_current_quota_error"),
            Form("no_credit", 429, "Your account ... is suspended", "exceeded_current_quota_error"),
            Form("bad_key", 401, "Invalid Authentication", "invalid_authentication_error"),
            Form("bad_key", 401, "Incorrect API key provided", "incorrect_api_key_error"),
            Form("unknown_model", 404, "Not found the model ...", "resource_not_found_error"),
            Form("overloaded", 429, "The engine is currently overloaded", "engine_overloaded_error"),
            Form("rate_limited", 429, "", "rate_limit_reached_error"),
        ),
        (
            "https://platform.kimi.ai/docs/api/errors",
            "MoonshotAI/Kimi-K2#5",
            "anomalyco/opencode#24462",
            "MoonshotAI/kimi-cli#901",
        ),
    ),
    Vendor(
        "Alibaba Model Studio",
        (
            Form("filtered", 400, "... may contain inappropriate content", "", "data_inspection_failed"),
            Form("filtered", 400, "<400> InternalError.Algo.DataInspectionFailed: ..."),
            Form("too_long", 400, "... Range of input length should be ..."),
            Form("no_credit", 400, "Access denied, ... account is in good standing", "", "Arrearage"),
            Form("bad_key", 401, "Incorrect API key provided", _INVALID, "invalid_api_key"),
            Form("bad_key", 403, "invalid api-key"),
            Form("unknown_model", 404, "The model `...` does not exist", _INVALID, "model_not_found"),
            Form("rate_limited", 429, "", "limit_requests", "limit_requests"),
        ),
        (
            "https://www.alibabacloud.com/help/en/model-studio/error-code",
            "camel-ai/owl#432",
            "QwenLM/qwen-code#3145",
            "alibaba/spring-ai-alibaba#1146",
        ),
    ),
    Vendor(
        "Zhipu AI (Z.ai)",
        (
            Form("filtered", 400, "System detected potentially unsafe or sensitive content", "", "1301"),
            Form("too_long", 400, "Prompt exceeds max length", "", "1261"),
            Form("no_credit", 429, "Your account is in arrears", "", "1113"),
            Form("bad_key", 401, "Authentication Failed", "", "1000"),
            Form("bad_key", 401, "Invalid Authentication Token", "", "1002"),
            Form("unknown_model", 400, "Model does not exist, please check the model code", "", "1211"),
            Form("rate_limited", 429, "High concurrency usage of this API", "", "1302"),
            Form("overloaded", 429, "", "", "1305"),
        ),
        ("https://docs.z.ai/api-reference/api-code", "NousResearch/hermes-agent#7475"),
    ),
    Vendor(
        "MiniMax",
        (
            Form("filtered", 200, "... sensitive", "", "1026"),
            Form("filtered", 200, "... sensitive", "", "1027"),
            Form("too_long", 200, "invalid params, context window exceeds limit", "", "2013"),
            Form("no_credit", 200, "insufficient balance", "", "1008"),
            Form("bad_key", 200, "not authorized", "", "1004"),
            Form("bad_key", 200, "invalid api key", "", "2049"),
            Form("rate_limited", 200, "rate limit", "", "1002"),
            Form("rate_limited", 200, "", "", "1039"),
        ),
        (
            "https://platform.minimax.io/docs/api-reference/errorcode",
            "ENTERPILOT/GoModel#640",
            "modelscope/modelscope#1691",
            "MiniMax-AI/MiniMax-M2#62",
        ),
        "base_resp",
    ),
    Vendor(
        "Volcengine Ark",
        (
            Form("filtered", 400, "", "BadRequest", "SensitiveContentDetected"),
            Form("filtered", 400, "", "BadRequest", "InputTextSensitiveContentDetected"),
            Form("too_long", 400, "Total tokens of image and text exceed max message tokens", "", "OutofContextError"),
            Form("no_credit", 403, "", "Forbidden", "AccountOverdueError"),
            Form(
                "bad_key", 401, "The API key or AK/SK in the request is missing or invalid", "", "AuthenticationError"
            ),
            Form(
                "unknown_model",
                404,
                "The model or endpoint ... does not exist",
                "NotFound",
                "InvalidEndpointOrModel.NotFound",
            ),
            Form("overloaded", 429, "", "TooManyRequests", "ServerOverloaded"),
        ),
        ("https://www.volcengine.com/docs/82379/1299023", "cloudwego/eino#107", "volcengine/MineContext#328"),
    ),
    Vendor(
        "Xiaomi MiMo",
        (
            Form("filtered", 421, "Moderation Block", "content_filter"),
            Form("unsuited", 404, "No endpoints found that support image input"),
        ),
        ("XiaomiMiMo/MiMo-V2-Flash#18", "JohnnyZ93/oai-compatible-copilot#229"),
    ),
    Vendor(
        "Amazon Bedrock",
        (
            Form("too_long", 400, "Input is too long for requested model", "ValidationException"),
            Form("bad_key", 403, "You don't have access to the model", "AccessDeniedException"),
            Form("rate_limited", 429, "", "ThrottlingException"),
            Form("overloaded", 503, "", "ServiceUnavailableException"),
        ),
        (
            "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html",
            "aws-samples/bedrock-chat#95",
        ),
        "bare",
    ),
    Vendor(
        "Hugging Face TGI",
        (
            Form("too_long", 422, "Input validation error: `inputs` must have less than ... tokens"),
            Form("overloaded", 429, "Model is overloaded", "overloaded"),
        ),
        ("meta-llama/llama#1103", "https://github.com/huggingface/text-generation-inference"),
        "text",
    ),
    Vendor(
        "vLLM",
        (
            Form("too_long", 400, "This model's maximum context length is ...", "BadRequestError"),
            Form("bad_key", 401, "Unauthorized"),
            Form("unknown_model", 404, "The model `...` does not exist", "NotFoundError"),
        ),
        ("vllm-project/vllm#3485", "vllm-project/vllm#20409"),
        "bare",
    ),
    Vendor(
        "llama.cpp",
        (
            Form("too_long", 400, "the request exceeds the available context size", "exceed_context_size_error"),
            Form("bad_key", 401, "Invalid API Key", "authentication_error"),
            Form("overloaded", 503, "Loading model", "unavailable_error"),
        ),
        ("ggml-org/llama.cpp#15780", "oobabooga/textgen#7257"),
    ),
    Vendor(
        "Ollama",
        (
            Form("too_long", 400, "The prompt is too long: ..."),
            Form("unknown_model", 404, 'model "..." not found', "api_error"),
            Form("overloaded", 503, "server busy, please try again", "api_error"),
        ),
        ("netease-youdao/QAnything#555", "https://github.com/ollama/ollama"),
    ),
)
"""By name, the vendors first, then the servers that people run themselves."""
