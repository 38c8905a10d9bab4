"""What the keys mean that are about API keys, groups and their limits: a part of `descriptions.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headworks.core.key import Spending
from headworks.core.per import Per, SessionBudget, SessionLimits, UserBudget, UserLimits
from headworks.system.schema.system import Group, Key

_AMOUNT: Final = "Dollars, such as `$5`. Nothing is spent beyond it (`docs/money.md`)."
_ESTIMATE: Final = "How the tokens of a prompt are estimated before the call, as in a key's budget."

LIMITS: Final[Mapping[type[msgspec.Struct], Mapping[str, str]]] = MappingProxyType(
    {
        Key: {
            "key": "The secret that the caller sends, as `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`.",
            "models": "The aliases that it may use; prompts are written `prompt/NAME`. Default: all.",
            "priority": "Which calls go first when the gateway is full: calls of `low` priority are turned away first.",
            "tags": "What the records of its calls carry, for `headworks logs --tag`.",
            "expires": "When the key stops working (UTC if no time zone is written). Default: never.",
            "rpm": "Requests a minute with this key. Unlimited by default.",
            "tpm": "Tokens a minute with this key, prompts and answers together. Unlimited by default.",
            "concurrency": "Calls at the same time with this key. A stream counts until its last chunk. Unlimited by default.",
            "budget": "What its calls may cost. Unlimited by default.",
            "per": "Limits that each of its users, and each of its sessions, has for itself (`docs/limits-per-user.md`).",
        },
        Group: {
            "keys": "Names under `keys`. A key is in at most one group. Keys made by `headworks keys` name their group "
            "themselves.",
            "rpm": "Requests a minute with all of these keys together. Unlimited by default.",
            "tpm": "Tokens a minute with all of these keys together, prompts and answers. Unlimited by default.",
            "concurrency": "Calls at the same time with all of these keys together. A stream counts until its last chunk. Unlimited by "
            "default.",
            "budget": "What the calls with all of these keys together may cost. Unlimited by default.",
            "per": "Limits that each user, and each session, has for itself with all of these keys together "
            "(`docs/limits-per-user.md`).",
            "state_away": "What happens to its calls while the shared `state` cannot be reached. `closed`: they are answered 503, so "
            "nothing is exceeded. `open`: each process goes on with its part of the limits and of what is left of the "
            "budgets.",
        },
        Spending: {
            "amount": "Dollars for each window, such as `$50`. Nothing is spent beyond it (`docs/money.md`).",
            "every": "The window: `1h` begins with each hour, `1d` with each day (UTC), `1w` on Mondays, `30d` every 30 days. "
            "`total` never begins again.",
            "estimate": "How the tokens of a prompt are estimated before the call. `bytes`: one for each byte, never too few. "
            "`chars`: one for four characters, which admits more calls and may be too few.",
            "alert": "The share of the budget at which a warning is logged.",
        },
        Per: {
            "user": "The limits of each user: who the body says is asking (`user`, Anthropic's `metadata.user_id`). Calls that name "
            "none count as those of one user.",
            "session": "The limits of each session: the run of calls that the client names (`docs/sessions.md`). Calls that name none "
            "count as those of one session, which begins anew each day (UTC).",
        },
        UserLimits: {
            "rpm": "Requests a minute of the user. Unlimited by default.",
            "tpm": "Tokens a minute of the user, prompts and answers together. Unlimited by default.",
            "concurrency": "Calls of the user at the same time. A stream counts until its last chunk. Unlimited by default.",
            "budget": "What the user's calls may cost in each window. Unlimited by default.",
        },
        UserBudget: {
            "amount": _AMOUNT,
            "every": "The window: `1h`, `1d`, `1w` or `30d`, as in a key's budget.",
            "estimate": _ESTIMATE,
        },
        SessionLimits: {
            "rpm": "Requests a minute of the session. Unlimited by default.",
            "tpm": "Tokens a minute of the session, prompts and answers together. Unlimited by default.",
            "concurrency": "Calls of the session at the same time. A stream counts until its last chunk. Unlimited by default.",
            "budget": "What the session's calls may cost. An amount alone (`$5`) is for its whole life. Unlimited by default.",
            "calls": "How many calls the session may make in its whole life. Unlimited by default.",
            "forget": "After how much silence the life of a session is over: then its name stands for a new one. At least 1h.",
        },
        SessionBudget: {
            "amount": _AMOUNT,
            "every": "The window, as in a key's budget. `total`: the session's whole life.",
            "estimate": _ESTIMATE,
        },
    }
)
