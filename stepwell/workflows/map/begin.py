"""Check the arguments of `client.map`, and make its job of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from attrs import fields, frozen

from ...options import ModelLike, ToolLike
from ...pipeline.effects import CallModel, Flow
from ...planner import CallPlanner
from ...schemas.errors import ConfigError
from ...schemas.json_schema.write_value import plain_data
from ...schemas.json_text import SORT_KEYS, dumps
from ...schemas.tool import Tool
from ...settings import hide_credentials
from ..objects.generate import generate
from ..objects.output_spec import OutputSpec
from ..tools.define import tools_of
from ..tools.loop import Loop, loop
from .inputs import Items
from .item_prompts import ItemPrompts, Prompt
from .job import Errors, MapJob, Order
from .keys import KeyOf
from .progress import Progress
from .results import ResultFile

_CHOICES = {"errors": ("keep", "raise"), "order": ("kept", "as done")}
_LOOP = frozenset(each.name for each in fields(Loop))


def job_of(
    planner: CallPlanner,
    items: Items,
    *,
    model: ModelLike,
    prompt: Prompt,
    schema: object,
    tools: Iterable[ToolLike] | None,
    max_repairs: int,
    key: KeyOf,
    workers: int,
    out: str | os.PathLike[str] | None,
    retry_failed: bool,
    errors: Errors,
    order: Order,
    progress: Progress,
    options: Mapping[str, Any],
) -> MapJob:
    """Return the job of a map, whose arguments these are. Raises ConfigError for those that cannot be used."""
    hide_credentials(options)
    for name, value in {"errors": errors, "order": order}.items():
        if value not in _CHOICES[name]:
            raise ConfigError(f"{name}= cannot be {value!r:.40}", hint=f"use {' or '.join(map(repr, _CHOICES[name]))}")
    if type(workers) is not int or workers < 1:
        raise ConfigError(f"workers must be a number of 1 or more, not {workers!r:.40}")
    path = None if out is None else os.fspath(out)
    source = os.fspath(items) if isinstance(items, str | os.PathLike) else None
    if source is not None and path is not None and os.path.realpath(source) == os.path.realpath(path):
        raise ConfigError("out= is the file of the items", hint="give the results a file of their own")
    if retry_failed and path is None:
        raise ConfigError("retry_failed=True needs the results of the run before", hint="pass out=, as in that run")
    question = Question.of(planner, model, prompt, schema, tools, max_repairs, options)
    file = None if path is None else ResultFile(path, order == "kept", question.digest, retry_failed)
    return MapJob(items, str(question.model), question.flow, planner.world, file, workers, order, errors, key, progress)


@frozen(eq=False)
class Question:
    """What is asked about each item: a call, an object or a tool loop."""

    planner: CallPlanner
    model: ModelLike
    prompts: ItemPrompts
    spec: OutputSpec | None
    max_repairs: int
    tools: tuple[Tool, ...]
    settings: Loop
    options: Mapping[str, Any]
    """Those of each call."""

    @classmethod
    def of(
        cls,
        planner: CallPlanner,
        model: ModelLike,
        prompt: Prompt,
        schema: object,
        tools: Iterable[ToolLike] | None,
        max_repairs: int,
        options: Mapping[str, Any],
    ) -> Question:
        """Check what is asked. Raises ConfigError for what can be seen to be wrong before there is an item."""
        if schema is not None and tools is not None:
            raise ConfigError("map takes a schema or tools, not both", hint="give the tools alone, or the schema")
        named = model if model is not None else planner.default_model()
        planner.plan("chat", named, wire=options.get("wire"), overrides=options.get("overrides"))
        return cls(
            planner,
            named,
            ItemPrompts.of(prompt),
            None if schema is None else OutputSpec.of(schema),
            max_repairs,
            () if tools is None else tuple(tools_of(tools)),
            Loop(**{name: options[name] for name in _LOOP & options.keys()}),
            {name: value for name, value in options.items() if name not in _LOOP},
        )

    def flow(self, item: object) -> Flow:
        """Return the flow that answers an item with a Reply. Raises what making its prompt raises."""
        prompt = self.prompts.prompt_for(item)
        if self.spec is not None:
            return generate(
                self.planner,
                self.model,
                prompt,
                self.spec,
                mode=None,
                max_repairs=self.max_repairs,
                name=None,
                description=None,
                options=self.options,
            )
        if self.tools:
            return loop(self.planner, self.model, prompt, self.tools, self.settings, self.options, stream=False)
        return _call(self.model, prompt, self.options)

    @property
    def digest(self) -> str:
        """Digits that differ between maps with another model, prompt, system message, schema or tools.

        Of a function that makes prompts, only its name counts.
        """
        schema = None if self.spec is None else self.spec.schema
        system, tools = self.options.get("system"), [tool.name for tool in self.tools]
        asked = [str(self.model), self.prompts.content, system, schema, tools]
        return blake2b(dumps(asked, plain_data, SORT_KEYS), digest_size=4).hexdigest()


def _call(model: ModelLike, prompt: object, options: Mapping[str, Any]) -> Flow:
    return (yield CallModel(model, prompt, options))
