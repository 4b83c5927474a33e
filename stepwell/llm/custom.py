"""A model of your own: write how it answers a text, and get all that any other model has."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, Self, Unpack

from ..client import BaseAsyncClient, BaseClient
from ..options import ChatOptions
from ..parsers.parser import OutputParser
from ..pipeline.annotate import annotate, note_reply
from ..pipeline.around import around
from ..pipeline.effects import END, CallNext, Cancelled, Emit, Flow, Run, StepGenerator, emitted
from ..pipeline.http.library_errors import transport_error
from ..pipeline.http.request import Request
from ..pipeline.http.response import Response
from ..pipeline.http.timeouts import Clock
from ..providers.declare.object_support import ObjectSupport
from ..providers.declare.provider import Provider, declare_provider
from ..providers.declare.registry import Registry
from ..providers.declare.wire import Wire
from ..schemas.errors import ConfigError
from ..schemas.json_text import loads
from ..schemas.message import Message
from ..schemas.model import Model
from ..schemas.options import CHAT_OPTIONS
from ..schemas.reply import Reply
from ..workflows.objects.modes import Mode
from .hooks import COMPLETION_METHODS, MESSAGES, Hooks
from .llm import LLM
from .metadata import LLMMetadata
from .rendering import plain_prompt

_NEEDS_ABILITY = frozenset(("tools", "tool_choice", "parallel_tool_calls", "response_format"))


class CustomLLMSettings(ChatOptions, total=False):
    """The arguments of LLM that a CustomLLM takes as well, and the options of every call."""

    system_prompt: str | None
    completion_to_prompt: Callable[[str], str] | None
    output_parser: OutputParser[Any] | None
    object_mode: Mode | None
    max_repairs: int


class CustomLLM(LLM):
    """A model of your own: subclass this and write one of its four functions.

        class Echo(CustomLLM):
            def complete(self, prompt, **options):
                return prompt

        Echo().chat("Hello").text

    `complete(prompt, **options)` and `acomplete` return text (or a Message, or a Reply); `stream_complete(prompt,
    **options)` and `astream_complete` yield text (or chunks).

    What you write is the step that sends, in a pipeline that has all the others: the rest of the interface, sync and
    async, streams, objects, tools, retries and your own steps run over it. So `Echo().complete(...)` is the whole call
    and gives a Reply. Among themselves the four call each other as you wrote them: `complete` may well be
    `return "".join(self.stream_complete(prompt))`. `provider` can be registered with any client, for
    `generate_text("echo:default", ...)`.

    A function that names options in its signature gets those, and others are dropped with a warning, as for any
    provider; with `**options` it gets all. `tools` (as dicts) and `response_format` must be named: they show that the
    model can do these things. A conversation of several messages arrives as one text, made by `messages_to_prompt`
    (None: "role: text" in lines). A function whose signature names `messages` gets the list of Messages as it is, with
    pictures, calls and results: `def complete(self, messages)`. A timeout ends an async call, and a stream between two
    pieces; a synchronous function cannot be interrupted.

    `model_name`, `context_window` and `max_output_tokens` are facts for `metadata`, as class attributes or arguments.
    """

    model: Model
    model_name: str = "default"
    context_window: int | None = None
    max_output_tokens: int | None = None

    if TYPE_CHECKING:
        # Inside the class these are the functions that you write, of any type; on an object, the whole call.
        complete: Any
        acomplete: Any
        stream_complete: Any
        astream_complete: Any
    else:  # the signature is that of `__init__`

        def __new__(cls, *arguments: object, **named: object) -> Self:
            """Set the object up: an `__init__` of the user's own, or a dataclass's, may not call the one below."""
            made = super().__new__(cls)
            CustomLLM.__init__(made)
            return made

    def __init__(
        self,
        *,
        model_name: str | None = None,
        context_window: int | None = None,
        max_output_tokens: int | None = None,
        messages_to_prompt: Callable[[Sequence[Message]], str] | None = None,
        client: BaseClient | None = None,
        async_client: BaseAsyncClient | None = None,
        **settings: Unpack[CustomLLMSettings],
    ) -> None:
        """Make the provider and the model. Raises ConfigError when none of the four functions is written."""
        inside = _hook_self(self)
        hooks = Hooks({name: getattr(inside, name) for name in COMPLETION_METHODS if _is_written(type(self), name)})
        if not hooks.written:
            raise ConfigError(
                f"{type(self).__name__} answers nothing yet",
                hint=f"write one of {', '.join(COMPLETION_METHODS)}, or several",
            )
        alone = client is None and async_client is None
        own = BaseClient(registry=Registry()) if alone else client
        super().__init__(None, client=own, async_client=async_client, **settings)
        registry = self.clients.planner.registry
        id = _id(type(self).__name__) if alone else registry.free_id(_id(type(self).__name__))
        self.provider = _provider(id, hooks, messages_to_prompt or plain_prompt)
        registry.register(self.provider)
        named, _ = hooks.options()
        self.model = Model(
            self.provider.id,
            model_name or self.model_name,
            known=True,
            context_window=context_window or self.context_window,
            max_output_tokens=max_output_tokens or self.max_output_tokens,
            tools="tools" in named,
            structured_output="response_format" in named,
        )
        self._whole_calls()

    @property
    def metadata(self) -> LLMMetadata:
        """The model's known facts."""
        return LLMMetadata(self.model, is_chat_model=False)

    def with_options(self, **options: Unpack[ChatOptions]) -> Self:
        """Return the same LLM with other options; None removes one."""
        other = super().with_options(**options)
        other._whole_calls()
        return other

    def _whole_calls(self) -> None:
        """Put LLM's methods before what the class has written, which is the step inside them."""
        for name in COMPLETION_METHODS:
            setattr(self, name, MethodType(getattr(LLM, name), self))


def _hook_self(llm: CustomLLM) -> Any:
    """Return the `self` for a subclass's own functions: there, `complete` and the others are these functions.

    On the LLM itself the same names make whole calls. The two share their attributes: setting one on either sets it on
    both.
    """
    cls: Any = type(llm)

    def own(name: str) -> property:
        def get(self: object) -> Any:
            if _is_written(cls, name):
                return getattr(super(inner, self), name)
            raise ConfigError(f"{cls.__name__} has no {name} of its own", hint="call what it has, or write it")

        return property(get)

    methods: dict[str, Any] = {
        "__getattr__": lambda self, name: getattr(llm, name),  # for attributes in slots
        "__setattr__": lambda self, name, value: setattr(llm, name, value),
    }
    inner = type(cls)(cls.__name__, (cls,), {**methods, **{name: own(name) for name in COMPLETION_METHODS}})
    view = object.__new__(inner)
    object.__setattr__(view, "__dict__", llm.__dict__)
    return view


def _is_written(cls: type, name: str) -> bool:
    return getattr(cls, name) is not getattr(LLM, name)


def _id(name: str) -> str:
    """Make a provider's id of the class's name: MyModel becomes my_model."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def _provider(id: str, hooks: Hooks, to_prompt: Callable[[Sequence[Message]], str]) -> Provider:
    named, any_option = hooks.options()
    able = named & _NEEDS_ABILITY
    taken = (frozenset(CHAT_OPTIONS) - _NEEDS_ABILITY if any_option else frozenset()) | (named & CHAT_OPTIONS.keys())

    def build_body(request: Request) -> dict[str, Any]:
        body = dict(request.options)
        if hooks.takes_text:
            body["prompt"] = to_prompt(request.context.messages)
        if "tools" in able and request.context.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
                for tool in request.context.tools
            ]
        return body

    wire = Wire(
        name=id,
        path="",
        options=taken,
        build_body=build_body,
        decode_response=_never,
        object_support=ObjectSupport(modes=_modes(able)),
    )

    return declare_provider(
        id,
        wire=wire,
        base_url=f"http://{id.replace('_', '-')}.invalid",
        key_optional=True,
        options={name: {} for name in named - CHAT_OPTIONS.keys()},
        attach=lambda pipeline, provider: pipeline.without("open_stream").replace(
            "send", around("send", _sending(hooks))
        ),
    )


def _modes(able: frozenset[str] | set[str]) -> tuple[str, ...]:
    modes = ("json_schema", "json") if "response_format" in able else ()
    return (*modes, *(("tool",) if "tools" in able else ()), "prompt")


def _never(data: object, model: Model) -> Reply:
    raise AssertionError("the send step gives replies")


def _sending(hooks: Hooks) -> Callable[[Request, CallNext], StepGenerator]:
    """Make the step that sends: it calls one of the functions with the body, which holds their arguments."""

    def send(request: Request, call: CallNext) -> StepGenerator:
        options = {**loads(request.body), MESSAGES: list(request.context.messages)}
        prompt = options.pop("prompt", "")
        clock = Clock(request.timeouts, request.started, request.world.now)
        if request.stream:
            flow = _pieces(hooks, prompt, options, clock, request.model)
            first = yield from emitted(flow)  # here, where an error can still be followed by another attempt
            clock.begin()
            return Response(request, flow=flow, ready=first, call=object())  # a call that counts, as by a network
        answer = Run(lambda: hooks.answer(prompt, options), lambda: hooks.aanswer(prompt, options, clock))
        response = Response(request)
        reply = response.reply = annotate((yield from _with_typed_errors(answer, clock, request.model)), response)
        note_reply(response, reply)
        return response

    return send


def _pieces(hooks: Hooks, prompt: str, options: dict[str, Any], clock: Clock, model: Model) -> Flow:
    """Emit the pieces of a stream."""
    items, async_items = hooks.pieces(prompt, options), hooks.apieces(prompt, options, clock)
    read = Run(lambda: next(items, END), lambda: anext(async_items, END))
    try:
        while (chunks := (yield from _with_typed_errors(read, clock, model))) is not END:
            if clock.now() >= clock.due:
                raise clock.error()
            yield Emit(chunks)
    except (Exception, Cancelled):
        yield Run(items.close, async_items.aclose)
        raise


def _with_typed_errors(effect: Run, clock: Clock, model: Model) -> Flow:
    """Run a function. Raise an error of an HTTP library as the TransportError that it means, so that it is retried."""
    try:
        return (yield effect)
    except Exception as error:
        found = transport_error(error, clock, model.provider)
        if found is error:
            raise
        raise found from None
