"""OpenAI's moderation and its list of models, which nearly every compatible server has.

https://platform.openai.com/docs/api-reference/moderations, https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from typing import Any

from ....pipeline.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply, Verdict
from ...dsl.wire import Wire
from .vectors import texts_of


def build_moderation_body(request: Request) -> dict[str, Any]:
    return {"model": request.model.id, "input": texts_of(request), **request.options}


def decode_moderation(data: Any, model: Model) -> Reply:
    verdicts = [
        Verdict(
            flagged=row.get("flagged", any(row["categories"].values())),
            categories=tuple(name for name, yes in row["categories"].items() if yes),
            scores=row.get("category_scores") or {},
        )
        for row in data["results"]
    ]
    return Reply(object=verdicts, id=data.get("id"), model=data.get("model") or "", finish_reason="stop")


openai_moderation = Wire(
    name="openai_moderation",
    operation="moderate",
    path="/moderations",
    build_body=build_moderation_body,
    decode_response=decode_moderation,
)


def decode_models(data: Any, model: Model) -> Reply:
    """Models by id; some servers give a bare list (Together)."""
    rows = data if isinstance(data, list) else data.get("data") or data.get("models") or []
    ids = sorted(row.get("id") or row.get("name") or "" for row in rows)
    return Reply(object=[Model(model.provider, id) for id in ids if id], finish_reason="stop")


openai_models = Wire(
    name="openai_models",
    operation="list_models",
    path="/models",
    method="GET",
    build_body=lambda request: {},
    encode_body=lambda body: b"",
    decode_response=decode_models,
)
