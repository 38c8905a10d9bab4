"""What each key of a target means to its user: a part of `descriptions.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from headworks.system.schema.system import Capabilities, TargetOf

TARGETS: Final[Mapping[type, Mapping[str, str]]] = MappingProxyType(
    {
        TargetOf: {
            "provider": "A name under `providers`. In short: `provider/model`.",
            "model": "The vendor's name for the model. Not needed if the provider is `local` or `simulated`.",
            "weight": "Its part of the tier's load, compared with the other targets.",
            "context_window": "Tokens of the model's context, prompt and answer together. A prompt that is too long for one target goes on "
            "to the next only if that one's window is larger. Default: from the bundled table.",
            "prefill": "Whether the model can go on with the beginning of its own answer, and in which form, for `mid_stream: "
            "continue`. `none`; `message` (a last message of the assistant); `prefix` (the same, marked `prefix`); "
            "`repeated_prefix` (the same, and the answer repeats it); `final_message` (`continue_final_message`, as in "
            "vLLM and SGLang). Default: what is known of the vendor.",
            "capabilities": "What the model can do, where the bundled table does not know it or is wrong. A target that is known to be "
            "unable to serve a call is not tried. It counts for this target under every alias (`docs/capabilities.md`).",
            "rpm": "Requests a minute at this target under this alias. A call above this goes to another target, or waits. "
            "Unlimited by default.",
            "tpm": "Tokens a minute at this target under this alias. Unlimited by default.",
            "concurrency": "Calls at the same time at this target under this alias. Unlimited by default.",
            "expect": "The latency and availability that you expect of it. It changes nothing about how calls are served. "
            "`headworks check` and `headworks plan` use it.",
        },
        Capabilities: {
            "images": "Whether it reads images. Default of each of these: from the bundled table, else unknown.",
            "documents": "Whether it reads PDF documents.",
            "audio": "Whether it reads audio.",
            "tools": "Whether it calls functions of the caller.",
            "structured_output": "Whether it fits its answer to a JSON schema.",
            "thinking": "Whether it thinks before it answers.",
            "max_output": "Tokens of an answer above which its vendor refuses the call.",
        },
    }
)
