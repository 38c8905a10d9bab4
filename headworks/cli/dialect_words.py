"""Types of parameters that name the API in which calls are sent: one, or a mix by weight."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click

from headworks.system.syntax.findings import suggestion
from headworks.wire.client_apis import CLIENT_APIS


def known(word: str) -> str:
    """The word, if it is one. Raises ValueError."""
    if word not in CLIENT_APIS:
        raise ValueError(f"there is no dialect {word}: {suggestion(word, list(CLIENT_APIS), 'dialects')}")
    return word


class DialectWord(click.ParamType[str]):
    """One API: `messages`."""

    name = "dialect"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return known(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DialectMix(click.ParamType[dict[str, float]]):
    """APIs and their weights: `messages:60,chat:40`. A word without a weight has the weight 1."""

    name = "dialects"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        if isinstance(value, dict):
            return value
        mix: dict[str, float] = {}
        for one in str(value).split(","):
            word, mark, weight = one.strip().partition(":")
            try:
                if known(word) in mix:
                    raise ValueError(f"{word} is named twice: add the weights")
                mix[word] = weight_of(weight.removesuffix("%")) if mark else 1.0
            except ValueError as error:
                self.fail(str(error), param, ctx)
        return mix


def weight_of(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not (isfinite(weight) and weight > 0):
        raise ValueError(f"the weight {text!r} is no number above 0: write it as messages:60,chat:40")
    return weight
