"""What a call needs of a model, and the features that models differ in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import msgspec

Feature: TypeAlias = Literal["images", "documents", "audio", "tools", "structured_output", "thinking"]
"""images, documents (PDF), audio: what a model reads beside text. tools: functions of the caller. structured_output: an answer that
fits a JSON schema. thinking: reasoning before the answer."""

FEATURES: Final[tuple[Feature, ...]] = get_args(Feature)


MOST_READ: Final = 4_000_000
"""Bytes of a body of which it is told what it needs: reading so many takes about 25 ms, and other calls wait meanwhile."""


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What one call asks of a model, as far as it can be told from its body.

    dialect: the API in which it is asked. features: by feature, what this API calls the field that asks for it. max_output: tokens
    of the answer at most, 0 where the call sets no bound or a vendor's beta may raise the model's. bound_name: what the API calls
    that field. text: bytes of text in the question, 0 where a vendor's beta may widen the window. text_name: the field.
    """

    dialect: str = ""
    features: Mapping[Feature, str] = MappingProxyType({})
    max_output: int = 0
    bound_name: str = ""
    text: int = 0
    text_name: str = ""


class Lack(msgspec.Struct, frozen=True):
    """Why a target cannot serve a call. field: of the call, in the words of its API."""

    field: str
    why: str
