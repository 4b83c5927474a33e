"""LLM: one model with its settings; and StructuredLLM, whose answers are objects, since each makes the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self, Unpack, cast, overload

from ..client import BaseAsyncClient, BaseClient
from ..client_pair import ClientPair
from ..options import ChatOptions, ModelLike, PromptLike, ToolLike
from ..parsers.parser import OutputParser, checked_parser
from ..pipeline.effects import Flow
from ..pipeline.stream.stream import AsyncStream, Stream
from ..prompts import TemplateLike, template_of
from ..schemas.errors import ConfigError
from ..schemas.foreign_names import Hinted
from ..schemas.message import Context, Message, context_of, system, user
from ..schemas.reply import Reply, all_warnings
from ..schemas.usage import total_usage
from ..settings import hide_credentials
from ..workflows.objects.generate import generate
from ..workflows.objects.modes import Mode
from ..workflows.objects.output_spec import OutputSpec
from ..workflows.objects.stream import AsyncObjectStream, ObjectStream
from ..workflows.objects.stream import object_stream as stream_object
from ..workflows.tools.loop import LOOP_SETTINGS, Loop, LoopOptions, loop
from . import workflows
from .metadata import LLMMetadata
from .object_methods import ObjectMethods, T
from .rendering import text_by
from .reporting import with_report
from .workflows import AsyncTextStream, TextStream

Naming = Mapping[str, str | None]
Options = Mapping[str, object]
_UNNAMED: Naming = {"name": None, "description": None}
_AS_OBJECT = "Now give this answer as the object that was asked for."


class LLM(ObjectMethods, Hinted, hints="llm"):
    """A model with its settings. Every method has an async version: `achat`, `acomplete`, `astream_chat`, ...

        llm = LLM("openai:gpt-4o-mini", system_prompt="You are brief.", temperature=0)
        llm.chat([user("Hello")]).text
        llm.predict("Translate into {language}: {text}", language="French", text="Good day")

    Calls report themselves as spans named like the methods (stepwell.events.subscribe). Errors are those of
    generate_text, generate_object and run_tools.
    """

    def __init__(
        self,
        model: ModelLike = None,
        *,
        system_prompt: str | None = None,
        messages_to_prompt: Callable[[Sequence[Message]], str] | None = None,
        completion_to_prompt: Callable[[str], str] | None = None,
        output_parser: OutputParser[Any] | None = None,
        object_mode: Mode | None = None,
        max_repairs: int = 1,
        client: BaseClient | None = None,
        async_client: BaseAsyncClient | None = None,
        **options: Unpack[ChatOptions],
    ) -> None:
        """Set up an LLM. Nothing is sent.

        model: `provider:model-id`; None is the default model.
        system_prompt: put before every conversation that does not begin with a system message of its own.
        messages_to_prompt: makes one text of a conversation, which is then sent as the user's message: for models
            trained on a format of their own.
        completion_to_prompt: does the same for the text of `complete`.
        output_parser: asks for a form in `predict` and `stream`, and reads the answer.
        object_mode: how objects are asked for; None is the best that the model has.
        max_repairs: how often an answer that cannot be read is shown to the model again.
        client, async_client: the clients that make the calls. One that is missing is derived from the other; without
            both, they are the process's own.
        options: those of generate_text, for every call.
        """
        self.model: ModelLike = model
        self.system_prompt = system_prompt
        self.messages_to_prompt = messages_to_prompt
        self.completion_to_prompt = completion_to_prompt
        self.output_parser = checked_parser(output_parser)
        self.object_mode: Mode | None = object_mode
        self.max_repairs = max_repairs
        hide_credentials(options)
        self.options = options
        self.clients = ClientPair(client, async_client)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.metadata.model)!r})"

    @property
    def metadata(self) -> LLMMetadata:
        """The model's facts in the catalog. Raises UnknownProvider if no provider serves it."""
        plan = self.clients.planner.plan("chat", self.model, wire=self.options.get("wire"))
        return LLMMetadata(plan.model, is_chat_model=self.messages_to_prompt is None)

    def with_options(self, **options: Unpack[ChatOptions]) -> Self:
        """Return the same LLM with other options; None removes one."""
        other = copy(self)
        hide_credentials(options)
        merged = {**self.options, **options}
        other.options = cast(ChatOptions, {name: value for name, value in merged.items() if value is not None})
        return other

    def as_structured(
        self, schema: object, *, name: str | None = None, description: str | None = None
    ) -> StructuredLLM:
        """Return an LLM of the same model whose answers are objects.

        schema: anything that generate_object takes.
        name, description: what the model reads of the schema; None takes them from the type.
        """
        return StructuredLLM(self, schema, name=name, description=description)

    # One call with messages or a text: a Reply, or a stream of chunks.

    def chat(self, messages: PromptLike, **options: Unpack[ChatOptions]) -> Reply:
        """Answer a conversation: a list of messages, a Context, or anything that generate_text takes."""
        return self._call("chat", self._conversation(messages), options)

    async def achat(self, messages: PromptLike, **options: Unpack[ChatOptions]) -> Reply:
        """Answer a conversation; see `chat`."""
        return await self._acall("chat", self._conversation(messages), options)

    def stream_chat(self, messages: PromptLike, **options: Unpack[ChatOptions]) -> Stream:
        """Stream an answer: iterate for chunks, or `text_deltas()`; `reply()` gives the whole."""
        return self._open("stream_chat", self._conversation(messages), options)

    def astream_chat(self, messages: PromptLike, **options: Unpack[ChatOptions]) -> AsyncStream:
        """Stream an answer for `async for`; it opens when it is awaited, entered or iterated."""
        return self._aopen("stream_chat", self._conversation(messages), options)

    def complete(self, prompt: str, *, formatted: bool = False, **options: Unpack[ChatOptions]) -> Reply:
        """Answer a text. With `formatted` it has its final form, and completion_to_prompt is not applied."""
        return self._call("complete", self._completion(prompt, formatted), options)

    async def acomplete(self, prompt: str, *, formatted: bool = False, **options: Unpack[ChatOptions]) -> Reply:
        """Answer a text; see `complete`."""
        return await self._acall("complete", self._completion(prompt, formatted), options)

    def stream_complete(self, prompt: str, *, formatted: bool = False, **options: Unpack[ChatOptions]) -> Stream:
        """Stream the answer to a text."""
        return self._open("stream_complete", self._completion(prompt, formatted), options)

    def astream_complete(self, prompt: str, *, formatted: bool = False, **options: Unpack[ChatOptions]) -> AsyncStream:
        """Stream the answer to a text for `async for`."""
        return self._aopen("stream_complete", self._completion(prompt, formatted), options)

    # A template (a string with {names}, a list of messages, or one of prompts.py) and the values of its fields.

    def predict(self, prompt: TemplateLike, /, **values: object) -> Any:
        """Fill a template and return the answer: its text, or what the output parser makes of it."""
        return self._answer(self.clients.sync.run_workflow(self._predict(prompt, values)))

    async def apredict(self, prompt: TemplateLike, /, **values: object) -> Any:
        """Fill a template and return the answer; see `predict`."""
        return self._answer(await self.clients.asynchronous.run_workflow(self._predict(prompt, values)))

    def stream(self, prompt: TemplateLike, /, **values: object) -> TextStream:
        """Fill a template and stream the answer's text. An output parser reads the whole at the end."""
        return TextStream(self.clients.sync, self._stream(prompt, values))

    def astream(self, prompt: TemplateLike, /, **values: object) -> AsyncTextStream:
        """Fill a template and stream the answer's text for `async for`."""
        return AsyncTextStream(self.clients.asynchronous, self._stream(prompt, values))

    @overload
    def stream_structured_predict(
        self, schema: type[T], prompt: TemplateLike, /, **values: object
    ) -> ObjectStream[T]: ...
    @overload
    def stream_structured_predict(
        self, schema: object, prompt: TemplateLike, /, **values: object
    ) -> ObjectStream[Any]: ...
    def stream_structured_predict(self, schema: object, prompt: TemplateLike, /, **values: object) -> ObjectStream[Any]:
        """Fill a template and stream the object: partial values, then the whole one."""
        return ObjectStream(self.clients.sync, self._stream_predict_workflow(schema, prompt, values))

    @overload
    def astream_structured_predict(
        self, schema: type[T], prompt: TemplateLike, /, **values: object
    ) -> AsyncObjectStream[T]: ...
    @overload
    def astream_structured_predict(
        self, schema: object, prompt: TemplateLike, /, **values: object
    ) -> AsyncObjectStream[Any]: ...
    def astream_structured_predict(
        self, schema: object, prompt: TemplateLike, /, **values: object
    ) -> AsyncObjectStream[Any]:
        """Fill a template and stream the object for `async for`."""
        return AsyncObjectStream(self.clients.asynchronous, self._stream_predict_workflow(schema, prompt, values))

    def predict_and_call(self, tools: Iterable[ToolLike], prompt: PromptLike, **options: Unpack[LoopOptions]) -> Reply:
        """Answer with tools, run as the model calls for them; ReAct for models without tools.

        tools: Tools or functions.
        options: those of run_tools (max_steps, tool_timeout, approve, ...) and of the call.

        Every step is on the Reply.
        """
        return self.clients.sync.run_workflow(self._predict_and_call(tools, prompt, options))

    async def apredict_and_call(
        self, tools: Iterable[ToolLike], prompt: PromptLike, **options: Unpack[LoopOptions]
    ) -> Reply:
        """Answer with tools; see `predict_and_call`."""
        return await self.clients.asynchronous.run_workflow(self._predict_and_call(tools, prompt, options))

    # What the methods above are made of.

    def _call(self, name: str, context: Context, options: Options) -> Reply:
        return self.clients.sync.make_call("chat", self.model, context, self._with(name, options))

    async def _acall(self, name: str, context: Context, options: Options) -> Reply:
        return await self.clients.asynchronous.make_call("chat", self.model, context, self._with(name, options))

    def _open(self, name: str, context: Context, options: Options) -> Stream:
        return self.clients.sync.open_stream("chat", self.model, context, self._with(name, options))

    def _aopen(self, name: str, context: Context, options: Options) -> AsyncStream:
        return self.clients.asynchronous.open_stream("chat", self.model, context, self._with(name, options))

    def _conversation(self, messages: PromptLike) -> Context:
        context = self._with_system_prompt(context_of(messages))
        if self.messages_to_prompt is None:
            return context
        return Context((user(text_by(self.messages_to_prompt(context.messages), "messages_to_prompt")),), context.tools)

    def _completion(self, prompt: str, formatted: bool) -> Context:
        if not isinstance(prompt, str):
            raise ConfigError(f"complete takes a string, not a {type(prompt).__name__}", hint="use chat for messages")
        if self.completion_to_prompt is not None and not formatted:
            prompt = text_by(self.completion_to_prompt(prompt), "completion_to_prompt")
        return self._with_system_prompt(context_of(prompt))

    def _with_system_prompt(self, context: Context) -> Context:
        """Put the system prompt before the conversation, unless it has a system message already."""
        if self.system_prompt is None or context.messages[0].role == "system":
            return context
        return Context((system(self.system_prompt), *context.messages), context.tools)

    def _fill_template(self, prompt: TemplateLike, values: Mapping[str, object]) -> Context:
        return self._conversation(template_of(prompt).context(**values))

    def _with(self, name: str, options: Options) -> dict[str, Any]:
        """Return the options of one call, which reports itself under that name."""
        merged: dict[str, Any] = {**self.options, **options}
        return {**merged, "pipeline": with_report(name, merged.get("pipeline"))}

    def _answer(self, reply: Reply) -> Any:
        return reply.text if self.output_parser is None else reply.object

    def _predict(self, prompt: TemplateLike, values: Mapping[str, object]) -> Flow:
        context, options = self._fill_template(prompt, values), self._with("chat", {})
        answered = workflows.predict(self.model, context, self.output_parser, options, self.max_repairs)
        return workflows.in_span("predict", self.model, answered)

    def _stream(self, prompt: TemplateLike, values: Mapping[str, object]) -> Flow:
        options = self._with("stream_chat", {})
        return workflows.stream_parsed(self.model, self._fill_template(prompt, values), self.output_parser, options)

    def _predict_workflow(self, schema: object, prompt: TemplateLike, values: Mapping[str, object]) -> Flow:
        whole = self._whole_object("chat", self._fill_template(prompt, values), schema, _UNNAMED, {})
        return workflows.in_span("structured_predict", self.model, whole)

    def _stream_predict_workflow(self, schema: object, prompt: TemplateLike, values: Mapping[str, object]) -> Flow:
        growing = self._growing_object("stream_chat", self._fill_template(prompt, values), schema, _UNNAMED, {})
        return workflows.in_span("stream_structured_predict", self.model, growing)

    def _whole_object(self, name: str, context: Context, schema: object, naming: Naming, options: Options) -> Flow:
        """Return the flow of a call for an object, which reports itself under that name.

        context: the conversation.
        schema: what the object must fit.
        naming: its name and description, for the model.
        options: those of this call.
        """
        return generate(
            self.clients.planner,
            self.model,
            context,
            schema,
            mode=self.object_mode,
            max_repairs=self.max_repairs,
            options=self._with(name, options),
            **naming,
        )

    def _growing_object(self, name: str, context: Context, schema: object, naming: Naming, options: Options) -> Flow:
        """Return the flow of a stream of an object; the arguments are those of `_whole_object`."""
        return stream_object(
            self.clients.planner,
            self.model,
            context,
            schema,
            mode=self.object_mode,
            options=self._with(name, options),
            **naming,
        )

    def _predict_and_call(self, tools: Iterable[ToolLike], prompt: PromptLike, options: Mapping[str, Any]) -> Flow:
        settings = Loop(**{name: value for name, value in options.items() if name in LOOP_SETTINGS})
        call_options = self._with("chat", {name: value for name, value in options.items() if name not in LOOP_SETTINGS})
        context = self._with_system_prompt(context_of(prompt))
        steps = loop(self.clients.planner, self.model, context, tools, settings, call_options, stream=False)
        return workflows.in_span("predict_and_call", self.model, steps)


class StructuredLLM(LLM):
    """An LLM whose every answer is an object that fits `schema`. Made by `llm.as_structured(schema)`.

    Replies have it as `.object` (and its JSON as `.text`), `predict` returns it, streams are ObjectStreams of partial
    values. `structured_predict` takes a schema of its own. Output parsers are not used. `predict_and_call` runs the
    tools first and then asks for the object.
    """

    if TYPE_CHECKING:
        # The streams are of objects rather than of chunks, which is what an LLM with a schema is made for.
        def stream_chat(self, messages: PromptLike, **options: Unpack[ChatOptions]) -> ObjectStream: ...  # type: ignore[override]
        def astream_chat(self, messages: PromptLike, **options: Unpack[ChatOptions]) -> AsyncObjectStream: ...  # type: ignore[override]
        def stream_complete(  # type: ignore[override]
            self, prompt: str, *, formatted: bool = False, **options: Unpack[ChatOptions]
        ) -> ObjectStream: ...
        def astream_complete(  # type: ignore[override]
            self, prompt: str, *, formatted: bool = False, **options: Unpack[ChatOptions]
        ) -> AsyncObjectStream: ...

    def __init__(self, llm: LLM, schema: object, *, name: str | None = None, description: str | None = None) -> None:
        """Set up the LLM; see `LLM.as_structured`. Raises SchemaError for a schema that cannot be used."""
        super().__init__(
            llm.model,
            system_prompt=llm.system_prompt,
            messages_to_prompt=llm.messages_to_prompt,
            completion_to_prompt=llm.completion_to_prompt,
            object_mode=llm.object_mode,
            max_repairs=llm.max_repairs,
            **llm.options,
        )
        OutputSpec.of(schema, name, description)  # checks the schema
        self.clients = llm.clients
        self.llm = llm
        self.schema = schema
        self._naming: Naming = {"name": name, "description": description}

    @property
    def metadata(self) -> LLMMetadata:
        """The model's facts in the catalog."""
        return self.llm.metadata

    def stream(self, prompt: TemplateLike, /, **values: object) -> ObjectStream:  # type: ignore[override]
        """Fill a template and stream the object as it grows."""
        return self._open("stream_chat", self._fill_template(prompt, values), {})

    def astream(self, prompt: TemplateLike, /, **values: object) -> AsyncObjectStream:  # type: ignore[override]
        """Fill a template and stream the object for `async for`."""
        return self._aopen("stream_chat", self._fill_template(prompt, values), {})

    def _call(self, name: str, context: Context, options: Options) -> Reply:
        return self.clients.sync.run_workflow(self._generate(name, context, options))

    async def _acall(self, name: str, context: Context, options: Options) -> Reply:
        return await self.clients.asynchronous.run_workflow(self._generate(name, context, options))

    def _open(self, name: str, context: Context, options: Options) -> ObjectStream:  # type: ignore[override]
        return ObjectStream(self.clients.sync, self._stream_objects(name, context, options))

    def _aopen(self, name: str, context: Context, options: Options) -> AsyncObjectStream:  # type: ignore[override]
        return AsyncObjectStream(self.clients.asynchronous, self._stream_objects(name, context, options))

    def _answer(self, reply: Reply) -> Any:
        return reply.object

    def _predict(self, prompt: TemplateLike, values: Mapping[str, object]) -> Flow:
        return workflows.in_span("predict", self.model, self._generate("chat", self._fill_template(prompt, values), {}))

    def _predict_and_call(self, tools: Iterable[ToolLike], prompt: PromptLike, options: Mapping[str, Any]) -> Flow:
        return self._as_object(super()._predict_and_call(tools, prompt, options))

    def _as_object(self, calling: Flow) -> Flow:
        """Run the tool loop, then ask for its answer as the object."""
        answered: Reply = yield from calling
        shaped: Reply = yield from self._generate("chat", answered.context.append(user(_AS_OBJECT)), {})
        steps = (*answered.steps, *(shaped.steps or (shaped,)))
        both = answered, shaped
        return shaped.replace(steps=steps, usage=total_usage(each.usage for each in both), warnings=all_warnings(both))

    def _generate(self, name: str, context: Context, options: Options) -> Flow:
        return self._whole_object(name, context, self.schema, self._naming, options)

    def _stream_objects(self, name: str, context: Context, options: Options) -> Flow:
        return self._growing_object(name, context, self.schema, self._naming, options)
