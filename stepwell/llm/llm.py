"""LLM: one model with its settings, asked by messages, by text, by template, for an object, or with tools."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from attrs import fields

from ..api import Client
from ..async_api import AsyncClient
from ..client_pair import ClientPair
from ..parsers.parser import OutputParser
from ..pipeline.stream.stream import AsyncStream, Stream
from ..prompts import template_of
from ..recipe import Recipe, acarry_out, carry_out
from ..schemas.errors import ConfigError
from ..schemas.message import Context, Message, context_of, system, user
from ..schemas.model import Model
from ..schemas.reply import Reply
from ..workflows.objects.generate import generate
from ..workflows.objects.stream import AsyncObjectStream, ObjectStream
from ..workflows.objects.stream import object_stream as stream_object
from ..workflows.tools.loop import Loop, loop
from . import workflows
from .metadata import LLMMetadata
from .reporting import with_report
from .streams import AsyncTextStream, TextStream

if TYPE_CHECKING:
    from .structured import StructuredLLM

_LOOP = frozenset(each.name for each in fields(Loop))


class LLM:
    """A model with its settings. Every method has an async twin: `achat`, `acomplete`, `astream_chat`, ...

        llm = LLM("openai:gpt-4o-mini", system_prompt="You are brief.", temperature=0)
        llm.chat([user("Hello")]).text
        llm.predict("Translate into {language}: {text}", language="French", text="Good day")

    `system_prompt` is put before every conversation that does not begin with a system message of its own.
    `messages_to_prompt(messages)` makes one text of a conversation, which is then sent as what the user says, for
    models trained on a format of their own; `completion_to_prompt(text)` does the same for `complete`.
    `output_parser` says in `predict` and `stream` what form is wanted, and reads it; what it cannot read is shown to
    the model `max_repairs` times. `object_mode` is how objects are asked for (None: the best that the model has).
    `client` and `async_client` carry the calls out; either is made of the other. `options` go with every call.

    Calls report themselves as spans named like the methods (stepwell.events.subscribe). Errors are those of
    generate_text, generate_object and run_tools.
    """

    def __init__(
        self,
        model: str | Model | None = None,
        *,
        system_prompt: str | None = None,
        messages_to_prompt: Callable[[Sequence[Message]], str] | None = None,
        completion_to_prompt: Callable[[str], str] | None = None,
        output_parser: OutputParser[Any] | None = None,
        object_mode: str | None = None,
        max_repairs: int = 1,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        **options: Any,
    ) -> None:
        self.model: Any = model
        self.system_prompt = system_prompt
        self.messages_to_prompt = messages_to_prompt
        self.completion_to_prompt = completion_to_prompt
        self.output_parser = output_parser
        self.object_mode = object_mode
        self.max_repairs = max_repairs
        self.options = options
        self._clients = ClientPair(client, async_client)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.metadata.model)!r})"

    @property
    def metadata(self) -> LLMMetadata:
        """What the catalog knows of the model. Raises UnknownProvider for one that nobody serves."""
        plan = self._clients.planner.plan("chat", self.model, wire=self.options.get("wire"))
        return LLMMetadata(plan.model, is_chat_model=self.messages_to_prompt is None)

    def with_options(self, **options: Any) -> Self:
        """The same LLM with other options; None takes one away."""
        other = copy(self)
        merged = {**self.options, **options}
        other.options = {name: value for name, value in merged.items() if value is not None}
        return other

    def as_structured(self, schema: Any, *, name: str | None = None, description: str | None = None) -> StructuredLLM:
        """The same interface, answers are objects that fit the schema (anything that generate_object takes)."""
        from .structured import StructuredLLM  # it is an LLM, and so comes after this module

        return StructuredLLM(self, schema, name=name, description=description)

    # One call, messages or text: a Reply, or a stream of chunks.

    def chat(self, messages: Any, /, **options: Any) -> Reply:
        """Answer a conversation: a list of messages, a Context, or anything that generate_text takes."""
        return self._clients.sync.generate_text(self.model, self._conversation(messages), **self._with("chat", options))

    async def achat(self, messages: Any, /, **options: Any) -> Reply:
        """`chat`, awaited."""
        client, context = self._clients.asynchronous, self._conversation(messages)
        return await client.generate_text(self.model, context, **self._with("chat", options))

    def stream_chat(self, messages: Any, /, **options: Any) -> Stream:
        """`chat` as it is written: iterate for chunks, or `text_deltas()`; `reply()` gives the whole."""
        context = self._conversation(messages)
        return self._clients.sync.stream_text(self.model, context, **self._with("stream_chat", options))

    def astream_chat(self, messages: Any, /, **options: Any) -> AsyncStream:
        """`stream_chat` for `async for`; it opens when it is awaited, entered or iterated."""
        context = self._conversation(messages)
        return self._clients.asynchronous.stream_text(self.model, context, **self._with("stream_chat", options))

    def complete(self, prompt: str, /, *, formatted: bool = False, **options: Any) -> Reply:
        """Answer a text. `formatted` says that it has its final form: completion_to_prompt is passed over."""
        context = self._completion(prompt, formatted)
        return self._clients.sync.generate_text(self.model, context, **self._with("complete", options))

    async def acomplete(self, prompt: str, /, *, formatted: bool = False, **options: Any) -> Reply:
        """`complete`, awaited."""
        client, context = self._clients.asynchronous, self._completion(prompt, formatted)
        return await client.generate_text(self.model, context, **self._with("complete", options))

    def stream_complete(self, prompt: str, /, *, formatted: bool = False, **options: Any) -> Stream:
        """`complete` as it is written."""
        context = self._completion(prompt, formatted)
        return self._clients.sync.stream_text(self.model, context, **self._with("stream_complete", options))

    def astream_complete(self, prompt: str, /, *, formatted: bool = False, **options: Any) -> AsyncStream:
        """`stream_complete` for `async for`."""
        context = self._completion(prompt, formatted)
        return self._clients.asynchronous.stream_text(self.model, context, **self._with("stream_complete", options))

    # A template (a string with {names}, a list of messages, or one of prompts.py) and the values of its fields.

    def predict(self, prompt: Any, /, **values: Any) -> Any:
        """Fill a template and give the answer: its text, or what the output parser makes of it."""
        return self._answer(carry_out(self._clients.sync, self._predict(prompt, values)))

    async def apredict(self, prompt: Any, /, **values: Any) -> Any:
        """`predict`, awaited."""
        return self._answer(await acarry_out(self._clients.asynchronous, self._predict(prompt, values)))

    def stream(self, prompt: Any, /, **values: Any) -> TextStream:
        """`predict` as it is written: iterate for pieces of text. An output parser reads the whole at the end."""
        return TextStream(self._clients.sync, self._stream(prompt, values))

    def astream(self, prompt: Any, /, **values: Any) -> AsyncTextStream:
        """`stream` for `async for`."""
        return AsyncTextStream(self._clients.asynchronous, self._stream(prompt, values))

    def structured_predict(self, schema: Any, prompt: Any, /, **values: Any) -> Any:
        """Fill a template and give the answer as an object that fits the schema."""
        return carry_out(self._clients.sync, self._structured(schema, prompt, values)).object

    async def astructured_predict(self, schema: Any, prompt: Any, /, **values: Any) -> Any:
        """`structured_predict`, awaited."""
        return (await acarry_out(self._clients.asynchronous, self._structured(schema, prompt, values))).object

    def stream_structured_predict(self, schema: Any, prompt: Any, /, **values: Any) -> ObjectStream:
        """`structured_predict` as it grows: partial values, then the whole one."""
        return ObjectStream(self._clients.sync, self._stream_structured(schema, prompt, values))

    def astream_structured_predict(self, schema: Any, prompt: Any, /, **values: Any) -> AsyncObjectStream:
        """`stream_structured_predict` for `async for`."""
        return AsyncObjectStream(self._clients.asynchronous, self._stream_structured(schema, prompt, values))

    # Tools.

    def predict_and_call(self, tools: Iterable[Any], prompt: Any, /, **options: Any) -> Reply:
        """Answer with tools (Tools or functions), run as the model calls for them; ReAct for models without tools.

        Options are those of run_tools (max_steps, tool_timeout, approve, ...) and of the call. Every step is on the
        Reply.
        """
        reply: Reply = carry_out(self._clients.sync, self._predict_and_call(tools, prompt, options))
        return reply

    async def apredict_and_call(self, tools: Iterable[Any], prompt: Any, /, **options: Any) -> Reply:
        """`predict_and_call`, awaited."""
        reply: Reply = await acarry_out(self._clients.asynchronous, self._predict_and_call(tools, prompt, options))
        return reply

    # What the colours share.

    def _conversation(self, messages: Any) -> Context:
        context = self._with_system_prompt(context_of(messages))
        if self.messages_to_prompt is None:
            return context
        return Context((user(_text(self.messages_to_prompt(context.messages), "messages_to_prompt")),), context.tools)

    def _completion(self, prompt: str, formatted: bool) -> Context:
        if not isinstance(prompt, str):
            raise ConfigError(f"complete takes a string, not a {type(prompt).__name__}", hint="use chat for messages")
        if self.completion_to_prompt is not None and not formatted:
            prompt = _text(self.completion_to_prompt(prompt), "completion_to_prompt")
        return self._with_system_prompt(context_of(prompt))

    def _with_system_prompt(self, context: Context) -> Context:
        """The conversation with the system prompt before it, unless it has a system message already."""
        if self.system_prompt is None or context.messages[0].role == "system":
            return context
        return Context((system(self.system_prompt), *context.messages), context.tools)

    def _filled(self, prompt: Any, values: Mapping[str, Any]) -> Context:
        return self._conversation(template_of(prompt).context(**values))

    def _with(self, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of one call, which reports itself under that name."""
        merged = {**self.options, **options}
        return {**merged, "pipeline": with_report(name, merged.get("pipeline"))}

    def _objects(self, name: str, options: Mapping[str, Any] = {}) -> dict[str, Any]:
        """How objects are asked for, as objects/stream.py takes it, and objects/generate.py with `max_repairs`."""
        return {"mode": self.object_mode, "name": None, "description": None, "options": self._with(name, options)}

    def _answer(self, reply: Reply) -> Any:
        return reply.text if self.output_parser is None else reply.object

    def _predict(self, prompt: Any, values: Mapping[str, Any]) -> Recipe:
        context, options = self._filled(prompt, values), self._with("chat", {})
        return workflows.predict(self.model, context, self.output_parser, options, self.max_repairs)

    def _stream(self, prompt: Any, values: Mapping[str, Any]) -> Recipe:
        options = self._with("stream_chat", {})
        return workflows.stream_parsed(self.model, self._filled(prompt, values), self.output_parser, options)

    def _structured(self, schema: Any, prompt: Any, values: Mapping[str, Any]) -> Recipe:
        context, how = self._filled(prompt, values), self._objects("chat")
        whole = generate(self._clients.planner, self.model, context, schema, max_repairs=self.max_repairs, **how)
        return workflows.in_span("structured_predict", self.model, whole)

    def _stream_structured(self, schema: Any, prompt: Any, values: Mapping[str, Any]) -> Recipe:
        context, how = self._filled(prompt, values), self._objects("stream_chat")
        growing = stream_object(self._clients.planner, self.model, context, schema, **how)
        return workflows.in_span("stream_structured_predict", self.model, growing)

    def _predict_and_call(self, tools: Iterable[Any], prompt: Any, options: Mapping[str, Any]) -> Recipe:
        how = Loop(**{name: value for name, value in options.items() if name in _LOOP})
        settings = self._with("chat", {name: value for name, value in options.items() if name not in _LOOP})
        context = self._with_system_prompt(context_of(prompt))
        steps = loop(self._clients.planner, self.model, context, tools, how, settings, stream=False)
        return workflows.in_span("predict_and_call", self.model, steps)


def _text(made: Any, by: str) -> str:
    if not isinstance(made, str):
        raise ConfigError(f"{by} gave a {type(made).__name__}", hint="let it return a string")
    return made
