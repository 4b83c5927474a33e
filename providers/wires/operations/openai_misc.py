"""OpenAI's moderation and its list of models, which nearly every compatible server has.

https://platform.openai.com/docs/api-reference/moderations, https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....pipeline.side_fields import Each, Held, Rules, kept
from ....schemas.errors import DecodeError
from ....schemas.model import Model
from ....schemas.reply import CallWarning, Reply, Verdict
from ...declare.wire import Wire
from .vectors import texts_of


def decode_moderation(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the verdicts. A flag in quotes is read, and one that cannot be read left out, with a warning each.

    Raises DecodeError for a verdict of which nothing can be read.
    """
    verdicts: list[Verdict] = []
    warnings: dict[CallWarning, None] = {}
    for row in data["results"]:
        categories: Mapping[str, Any] = row.get("categories") or {}
        flags = {name: _flag(yes, f"results.categories.{name}", model, warnings) for name, yes in categories.items()}
        flagged = _flag(row.get("flagged"), "results.flagged", model, warnings)
        known = [yes for yes in flags.values() if yes is not None]
        if flagged is None and not known:
            raise DecodeError("a verdict says neither whether it is flagged nor why", hint="see .payload")
        verdicts.append(
            Verdict(
                flagged=any(known) if flagged is None else flagged,
                categories=tuple(name for name, yes in flags.items() if yes),
                scores=row.get("category_scores") or {},
            )
        )
    name = data.get("model") or ""
    return Reply(object=verdicts, id=data.get("id"), model=name, finish_reason="stop", warnings=tuple(warnings))


def _flag(value: object, path: str, model: Model, warnings: dict[CallWarning, None]) -> bool | None:
    if value is None or type(value) is bool:
        return value
    read = _QUOTED.get(value.lower()) if type(value) is str else None
    done = "left out of the answer" if read is None else f"read as {str(read).lower()}"
    warnings[CallWarning(path, f"{done}: it is {type(value).__name__} instead of true or false", str(model))] = None
    return read


_QUOTED = {"true": True, "false": False}


openai_moderation = Wire(
    name="openai_moderation",
    operation="moderate",
    path="/moderations",
    build_body=lambda request: {"model": request.model.id, "input": texts_of(request), **request.options},
    decode_response=decode_moderation,
    side_fields={
        "id": str,
        "model": str,
        "results": Held([Held({"categories": dict, "category_scores": Each((int, float))})]),
    },
)


_LISTS = ("data", "models", "result", "modelSummaries")
_ROWS: Rules = {key: [{}] for key in _LISTS}


def models_by(*fields: str) -> Callable[[Any, Model], Reply]:
    """Make the decoder of a list of models; some servers send a bare list (Together).

    fields: the names under which a model's id may be; the first one present is used
    """

    def decode(data: Mapping[str, Any] | list[Any], model: Model) -> Reply:
        listed, warnings = kept(data if isinstance(data, dict) else {"data": data}, _ROWS, model)
        rows: list[Any] = next((listed[name] for name in _LISTS if listed.get(name)), [])
        ids = sorted(str(next((row[field] for field in fields if row.get(field)), "")) for row in rows)
        found = [Model(model.provider, id.removeprefix("models/")) for id in ids if id]
        return Reply(object=found, finish_reason="stop", warnings=warnings)

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
