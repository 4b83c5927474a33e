"""StructuredLLM: the interface of an LLM, with objects for answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..recipe import Recipe, acarry_out, carry_out
from ..schemas.message import Context, user
from ..schemas.reply import Reply
from ..schemas.usage import total_usage
from ..workflows.objects.generate import generate
from ..workflows.objects.output_spec import OutputSpec
from ..workflows.objects.stream import AsyncObjectStream, ObjectStream
from ..workflows.objects.stream import object_stream as stream_object
from .llm import LLM
from .metadata import LLMMetadata
from .workflows import in_span

_AS_OBJECT = "Now give this answer as the object that was asked for."


class StructuredLLM(LLM):
    """An LLM whose every answer is an object that fits `schema`: Replies have it as `.object` (and its JSON as
    `.text`), `predict` gives it, streams are ObjectStreams of partial values. Made by `llm.as_structured(schema)`.

    `structured_predict` takes a schema of its own, and output parsers have nothing to read here. `predict_and_call`
    runs the tools first and then asks for the object.
    """

    def __init__(self, llm: LLM, schema: Any, *, name: str | None = None, description: str | None = None) -> None:
        super().__init__(
            llm.model,
            system_prompt=llm.system_prompt,
            messages_to_prompt=llm.messages_to_prompt,
            completion_to_prompt=llm.completion_to_prompt,
            object_mode=llm.object_mode,
            max_repairs=llm.max_repairs,
            **llm.options,
        )
        OutputSpec.of(schema, name, description)  # a schema that cannot be used is refused at once
        self._clients = llm._clients
        self.llm = llm
        self.schema = schema
        self._named = {"name": name, "description": description}

    @property
    def metadata(self) -> LLMMetadata:
        return self.llm.metadata

    def chat(self, messages: Any, /, **options: Any) -> Reply:
        """Answer a conversation with an object: `reply.object`."""
        reply: Reply = carry_out(self._clients.sync, self._whole("chat", self._conversation(messages), options))
        return reply

    async def achat(self, messages: Any, /, **options: Any) -> Reply:
        """`chat`, awaited."""
        recipe = self._whole("chat", self._conversation(messages), options)
        reply: Reply = await acarry_out(self._clients.asynchronous, recipe)
        return reply

    # The streams are of objects rather than of chunks, which is what whoever made this LLM asked for.

    def stream_chat(self, messages: Any, /, **options: Any) -> ObjectStream:  # type: ignore[override]
        """`chat` as the object grows."""
        return self._sync_stream("stream_chat", self._conversation(messages), options)

    def astream_chat(self, messages: Any, /, **options: Any) -> AsyncObjectStream:  # type: ignore[override]
        """`stream_chat` for `async for`."""
        return self._async_stream("stream_chat", self._conversation(messages), options)

    def complete(self, prompt: str, /, *, formatted: bool = False, **options: Any) -> Reply:
        """Answer a text with an object."""
        recipe = self._whole("complete", self._completion(prompt, formatted), options)
        reply: Reply = carry_out(self._clients.sync, recipe)
        return reply

    async def acomplete(self, prompt: str, /, *, formatted: bool = False, **options: Any) -> Reply:
        """`complete`, awaited."""
        recipe = self._whole("complete", self._completion(prompt, formatted), options)
        reply: Reply = await acarry_out(self._clients.asynchronous, recipe)
        return reply

    def stream_complete(  # type: ignore[override]
        self, prompt: str, /, *, formatted: bool = False, **options: Any
    ) -> ObjectStream:
        """`complete` as the object grows."""
        return self._sync_stream("stream_complete", self._completion(prompt, formatted), options)

    def astream_complete(  # type: ignore[override]
        self, prompt: str, /, *, formatted: bool = False, **options: Any
    ) -> AsyncObjectStream:
        """`stream_complete` for `async for`."""
        return self._async_stream("stream_complete", self._completion(prompt, formatted), options)

    def stream(self, prompt: Any, /, **values: Any) -> ObjectStream:  # type: ignore[override]
        """`predict` as the object grows."""
        return self._sync_stream("stream_chat", self._filled(prompt, values), {})

    def astream(self, prompt: Any, /, **values: Any) -> AsyncObjectStream:  # type: ignore[override]
        """`stream` for `async for`."""
        return self._async_stream("stream_chat", self._filled(prompt, values), {})

    def _answer(self, reply: Reply) -> Any:
        return reply.object

    def _predict(self, prompt: Any, values: Mapping[str, Any]) -> Recipe:
        return in_span("predict", self.model, self._whole("chat", self._filled(prompt, values), {}))

    def _predict_and_call(self, tools: Iterable[Any], prompt: Any, options: Mapping[str, Any]) -> Recipe:
        return self._called_then_shaped(super()._predict_and_call(tools, prompt, options))

    def _called_then_shaped(self, calling: Recipe) -> Recipe:
        answered: Reply = yield from calling
        shaped: Reply = yield from self._whole("chat", answered.context.append(user(_AS_OBJECT)), {})
        steps = (*answered.steps, *(shaped.steps or (shaped,)))
        return shaped.replace(steps=steps, usage=total_usage((answered.usage, shaped.usage)))

    def _whole(self, name: str, context: Context, options: Mapping[str, Any]) -> Recipe:
        how = {**self._objects(name, options), **self._named}
        return generate(self._clients.planner, self.model, context, self.schema, max_repairs=self.max_repairs, **how)

    def _growing(self, name: str, context: Context, options: Mapping[str, Any]) -> Recipe:
        how = {**self._objects(name, options), **self._named}
        return stream_object(self._clients.planner, self.model, context, self.schema, **how)

    def _sync_stream(self, name: str, context: Context, options: Mapping[str, Any]) -> ObjectStream:
        return ObjectStream(self._clients.sync, self._growing(name, context, options))

    def _async_stream(self, name: str, context: Context, options: Mapping[str, Any]) -> AsyncObjectStream:
        return AsyncObjectStream(self._clients.asynchronous, self._growing(name, context, options))
