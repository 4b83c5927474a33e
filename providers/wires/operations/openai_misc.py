"""OpenAI's moderation and its list of models, which nearly every compatible server has.

https://platform.openai.com/docs/api-reference/moderations, https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.model import Model
from ....schemas.reply import Reply, Verdict
from ...declare.wire import Wire
from .vectors import texts_of


def build_moderation_body(request: Request) -> dict[str, Any]:
    return {"model": request.model.id, "input": texts_of(request), **request.options}


def decode_moderation(data: Mapping[str, Any], model: Model) -> Reply:
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


_LISTS = ("data", "models", "result", "modelSummaries")


def models_by(*fields: str) -> Callable[[Any, Model], Reply]:
    """Make the decoder of a list of models; some servers send a bare list (Together).

    fields: the names under which a model's id may be; the first that it has counts
    """

    def decode(data: Mapping[str, Any] | list[Any], model: Model) -> Reply:
        rows: list[Any] = (
            data if isinstance(data, list) else next((data[name] for name in _LISTS if data.get(name)), [])
        )
        ids = sorted(str(next((row[field] for field in fields if row.get(field)), "")) for row in rows)
        found = [Model(model.provider, id.removeprefix("models/")) for id in ids if id]
        return Reply(object=found, finish_reason="stop")

    return decode


openai_models = Wire(
    name="openai_models",
    operation="list_models",
    path="/models",
    method="GET",
    build_body=lambda request: {},
    encode_body=lambda body: b"",
    decode_response=models_by("id", "name"),
)
