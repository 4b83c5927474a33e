"""The public calls, to be awaited.

Written by `python -m tools.api` from the methods in api.py; change those, not this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from .async_bulk_api import AsyncBulkClient
from .schemas.missing_argument import with_clear_errors

if TYPE_CHECKING:
    from .health_check import Health
    from .options import (
        ChatOptions,
        CountTokensOptions,
        EmbedOptions,
        ImageOptions,
        ListModelsOptions,
        ModelLike,
        ModerateOptions,
        ObjectOptions,
        OcrOptions,
        PromptLike,
        RerankOptions,
        SpeakOptions,
        ToolLike,
        ToolLoopOptions,
        TranscribeOptions,
    )
    from .pipeline.stream.stream import AsyncStream
    from .request_preview import Preview
    from .schemas.model import Model
    from .schemas.parts import Audio, File, Image
    from .schemas.reply import Ranked, Reply, Verdict
    from .workflows.objects.modes import Mode
    from .workflows.objects.stream import AsyncObjectStream
    from .workflows.tools.call import Approve
    from .workflows.tools.stream import AsyncToolStream

T = TypeVar("T")


@with_clear_errors
class AsyncClient(AsyncBulkClient):
    """The asynchronous client, on asyncio or trio. One object serves several event loops, one after another or
    at once: each gets connections of its own, which are closed when the loop ends."""

    async def generate_text(self, model: ModelLike, prompt: PromptLike, **options: Unpack[ChatOptions]) -> Reply[None]:
        """Ask and wait for the whole answer.

        model: `provider:model-id`, or None for the default model.
        prompt: a string, a Context, or a list of messages.
        options: see options.ChatOptions; a provider's own go in `provider_options`.

        Raises a subclass of StepwellError, with all that is known of the call.
        """
        return await self.make_call("chat", model, prompt, options)

    def stream_text(self, model: ModelLike, prompt: PromptLike, **options: Unpack[ChatOptions]) -> AsyncStream:
        """Ask and read the answer as it is written.

        A AsyncStream is open on return, or has raised its error. An AsyncStream opens when it is awaited, entered or
        iterated.
        """
        return self.open_stream("chat", model, prompt, options)

    @overload
    async def generate_object(
        self,
        model: ModelLike,
        prompt: PromptLike,
        schema: type[T],
        *,
        mode: Mode | None = None,
        max_repairs: int = 1,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ObjectOptions],
    ) -> Reply[T]: ...

    @overload
    async def generate_object(
        self,
        model: ModelLike,
        prompt: PromptLike,
        schema: object,
        *,
        mode: Mode | None = None,
        max_repairs: int = 1,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ObjectOptions],
    ) -> Reply[Any]: ...

    async def generate_object(
        self,
        model: ModelLike,
        prompt: PromptLike,
        schema: object,
        *,
        mode: Mode | None = None,
        max_repairs: int = 1,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ObjectOptions],
    ) -> Reply[Any]:
        """Ask for a value that fits a schema, and wait for it: `reply.object`.

        schema: a JSON Schema (a dict), an attrs class, a dataclass, a TypedDict, a pydantic model, or any type made of
            these: `list[City]`, `Literal["red", "green"]`, `int`. The object is of that type, plain data for a dict.
        mode: how the model is asked: json_schema, strict_tool, tool, json or prompt. None is the best that this model
            is known to have; the result is the same.
        max_repairs: how often an answer that does not fit is shown to the model again, with what is wrong.
        name, description: what the model reads of the schema; None takes them from the type.
        options: those of generate_text, without tools and response_format.

        Raises ObjectInvalid, with `.text`, `.violations` and all the usage, for an answer that still does not fit, and
        SchemaError for a schema that cannot be used, before anything is sent.
        """
        from .workflows.objects.generate import generate  # brings in JSON Schema: only where an object is asked for

        job = options.pop("job", None)
        work = generate(
            self.planner,
            model,
            prompt,
            schema,
            mode=mode,
            max_repairs=max_repairs,
            name=name,
            description=description,
            options=options,
        )
        return await self.run_workflow(work, job=job)

    @overload
    def stream_object(
        self,
        model: ModelLike,
        prompt: PromptLike,
        schema: type[T],
        *,
        mode: Mode | None = None,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ObjectOptions],
    ) -> AsyncObjectStream[T]: ...

    @overload
    def stream_object(
        self,
        model: ModelLike,
        prompt: PromptLike,
        schema: object,
        *,
        mode: Mode | None = None,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ObjectOptions],
    ) -> AsyncObjectStream[Any]: ...

    def stream_object(
        self,
        model: ModelLike,
        prompt: PromptLike,
        schema: object,
        *,
        mode: Mode | None = None,
        name: str | None = None,
        description: str | None = None,
        **options: Unpack[ObjectOptions],
    ) -> AsyncObjectStream[Any]:
        """Ask for a value that fits a schema, and read it as it grows.

        Iterate for partial values, each of which holds all of the one before; the last is whole and checked. There are
        no repairs, since partial values have been read by then. The call is sent when the stream is first read. The
        arguments are those of generate_object.
        """
        from .workflows.objects.stream import AsyncObjectStream, object_stream  # brings in JSON Schema, as above

        job = options.pop("job", None)
        work = object_stream(
            self.planner, model, prompt, schema, mode=mode, name=name, description=description, options=options
        )
        return AsyncObjectStream(self, work, job)

    async def run_tools(
        self,
        model: ModelLike,
        prompt: PromptLike,
        tools: Iterable[ToolLike],
        *,
        max_steps: int = 8,
        tool_timeout: float | None = None,
        approve: Approve | None = None,
        stop_when: Callable[[Reply[Any]], bool] | None = None,
        on_tool_error: Literal["tell", "raise"] = "tell",
        react: bool | None = None,
        resume: bool = False,
        deps: object = None,
        **options: Unpack[ToolLoopOptions],
    ) -> Reply[None]:
        """Ask, run the tools that the model calls, send it the results, and so on until it has answered.

        tools: Tools (see `stepwell.tool`) or plain functions, sync or async. Calls of one answer run at once; their
            arguments are checked before, and the model gets to read the errors.
        max_steps: most answers to ask for. After them StepLimit is raised, with all there is on `.partial`.
        tool_timeout: seconds that a call of a tool may take; None is no limit.
        approve: called before each call of a tool, `approve(call)`; returns True, False or the reason why not.
        stop_when: called after each step, `stop_when(reply)`; True ends the loop.
        on_tool_error: "tell" sends the error to the model; "raise" raises ToolFailed.
        react: True offers the tools in plain text, as for models that have none; False never does.
        resume: True begins by running the calls at the end of the prompt that have no result.
        deps: an object for the tools' parameters annotated with `Deps[...]`, which the model does not see.
        options: those of generate_text, for every call.

        The Reply has the usage of all steps, the steps themselves on `.steps`, the runs of each in its
        `.metadata["tool_runs"]`, and the conversation on `.context`. A tool without a function ends the loop when it is
        called: the calls are on `.tool_calls`. Calls of an answer that was cut short or refused are not run and end the
        loop, with a warning. A prompt that ends in calls without results is a ConfigError unless `resume=True`, since
        its author could have any tool run; see `stepwell.messages.untrusted`.
        """
        from .workflows.tools.loop import Loop, loop  # brings in JSON Schema, as above

        settings = Loop(
            max_steps=max_steps,
            tool_timeout=tool_timeout,
            approve=approve,
            stop_when=stop_when,
            on_tool_error=on_tool_error,
            react=react,
            resume=resume,
            deps=deps,
        )
        job = options.pop("job", None)
        return await self.run_workflow(
            loop(self.planner, model, prompt, tools, settings, options, stream=False), job=job
        )

    def stream_tools(
        self,
        model: ModelLike,
        prompt: PromptLike,
        tools: Iterable[ToolLike],
        *,
        max_steps: int = 8,
        tool_timeout: float | None = None,
        approve: Approve | None = None,
        stop_when: Callable[[Reply[Any]], bool] | None = None,
        on_tool_error: Literal["tell", "raise"] = "tell",
        react: bool | None = None,
        resume: bool = False,
        deps: object = None,
        **options: Unpack[ToolLoopOptions],
    ) -> AsyncToolStream:
        """Run a tool loop and read it as it runs: the chunks of each answer and a ToolRun for each call of a tool.

        The arguments are those of run_tools. The loop starts when the stream is first read.
        """
        from .workflows.tools.loop import Loop, loop  # brings in JSON Schema, as above
        from .workflows.tools.stream import AsyncToolStream

        settings = Loop(
            max_steps=max_steps,
            tool_timeout=tool_timeout,
            approve=approve,
            stop_when=stop_when,
            on_tool_error=on_tool_error,
            react=react,
            resume=resume,
            deps=deps,
        )
        job = options.pop("job", None)
        return AsyncToolStream(self, loop(self.planner, model, prompt, tools, settings, options, stream=True), job)

    async def embed(
        self, model: ModelLike, texts: str | Sequence[str], **options: Unpack[EmbedOptions]
    ) -> Reply[list[list[float]]]:
        """Embed one text or several: `reply.embeddings`, a vector for each, in order."""
        return await self.make_call("embed", model, texts, options)

    async def rerank(
        self, model: ModelLike, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]
    ) -> Reply[list[Ranked]]:
        """Rank documents by how well they fit the query: `reply.ranking`, best first."""
        return await self.make_call("rerank", model, {"query": query, "documents": documents}, options)

    async def generate_image(self, model: ModelLike, prompt: str, **options: Unpack[ImageOptions]) -> Reply[None]:
        """Generate images: `reply.images`."""
        return await self.make_call("image", model, prompt, options)

    async def transcribe(
        self, model: ModelLike, audio: str | bytes | PathLike[str] | Audio, **options: Unpack[TranscribeOptions]
    ) -> Reply[Any]:
        """Transcribe an audio file, given as a path, bytes or Audio: `reply.text`."""
        return await self.make_call("transcribe", model, audio, options)

    async def speak(self, model: ModelLike, text: str, **options: Unpack[SpeakOptions]) -> Reply[None]:
        """Make speech of a text: `reply.audio`."""
        return await self.make_call("speak", model, text, options)

    async def moderate(
        self, model: ModelLike, texts: str | Sequence[str], **options: Unpack[ModerateOptions]
    ) -> Reply[list[Verdict]]:
        """Judge each text by the provider's moderation: `reply.object`, a Verdict for each, in order."""
        return await self.make_call("moderate", model, texts, options)

    async def ocr(
        self, model: ModelLike, document: str | bytes | PathLike[str] | File | Image, **options: Unpack[OcrOptions]
    ) -> Reply[Any]:
        """Read a document: its pages' Markdown is `reply.text`, the pages are `reply.object`.

        document: a File, an Image, a URL (which the provider fetches), a path, or bytes.
        """
        return await self.make_call("ocr", model, document, options)

    async def list_models(self, provider: str, **options: Unpack[ListModelsOptions]) -> Reply[list[Model]]:
        """Ask the provider which models it serves now: `reply.object`."""
        return await self.make_call("list_models", f"{provider}:*", None, options)

    async def count_tokens(
        self, model: ModelLike, prompt: PromptLike, **options: Unpack[CountTokensOptions]
    ) -> Reply[None]:
        """Count the tokens of a prompt: `reply.usage.input_tokens`.

        Where the provider has no endpoint for that, the count is an estimate (schemas/estimate.py), with a warning.
        """
        return await self.make_call("count_tokens", model, prompt, options)

    async def preview(
        self,
        model: ModelLike,
        prompt: object,
        *,
        operation: str = "chat",
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> Preview:
        """Return the request that a call would send, with its credentials masked: print it. Nothing is sent.

        Limits, caches and the like do not run. Raises what the call would raise before it is sent.

        model, prompt, options: those of the call.
        operation: chat, embed, rerank, ...
        stream: True for a streamed call.
        """
        from .request_preview import preview_of

        options.pop("job", None)  # nothing is sent, and nothing recorded
        return await self.run_workflow(preview_of(self.planner, operation, model, prompt, options, stream=stream))

    async def health(self, model: ModelLike = None, *, paid: bool = False, timeout: float | None = None) -> Health:
        """Find out whether a model can be called: `if not client.health("openai:gpt-5.5"): ...`.

        It asks the provider for the list of its models, which costs nothing, with the key of this client.

        model: `provider:model-id`, or None for the default model.
        paid: where a provider has no such list, ask the model for one token.
        timeout: seconds in all (default: 10).

        Raises UnknownProvider and UnknownModel for what nobody serves. All other failures are in the result.
        """
        from .health_check import health_of

        return await self.run_workflow(health_of(self.planner, model, paid=paid, timeout=timeout))

    async def run(self, operation: str, model: ModelLike, input: object, **options: object) -> Reply[Any]:
        """Run any operation that the provider has a wire for; the usual ones have methods of their own.

        operation: the wire's: `upload_batch`, or one of a provider that you declared.
        input: what the wire's build_body takes as `request.input`.
        options: those of the operation, and CallOptions.
        """
        return await self.make_call(operation, model, input, options)

    def stream(self, operation: str, model: ModelLike, input: object, **options: object) -> AsyncStream:
        """Run any operation and read its answer as it is written; the arguments are those of run.

        Raises NotSupported for a wire that does not stream. An AsyncStream opens as that of stream_text does.
        """
        return self.open_stream(operation, model, input, options)
