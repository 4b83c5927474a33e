"""Made-up answers of generateContent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import answers

from stepwell import Message, Tool
from stepwell.catalog import Model
from stepwell.providers.wires.google_generate import google_generate

MODEL = Model("google", "gemini-9")
USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}


def answer(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": "r-1"}


def streamed(*pieces: Any) -> Any:
    return answers.answered(google_generate, answers.events(*pieces), stream=True)


def decoded(body: Any) -> Any:
    return answers.decoded(google_generate, body)


def piece(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": "r-1"}


def body_of(*messages: Message, tools: Iterable[Tool] = (), **options: Any) -> dict[str, Any]:
    return answers.body_of(google_generate, messages, tools, model=MODEL, **options)
