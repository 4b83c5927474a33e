"""ChatStepwell: a LangChain chat model for every provider of stepwell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field

from ...schemas.errors import ConfigError
from ...schemas.message import Context
from ...schemas.model import Model
from ..common import choice_of
from ..credentials import ApiKey, revealed_key
from ..fields import ChatFields
from .chunks import ChunkWriter
from .errors import known_to_langchain
from .incoming import messages_from_langchain
from .outgoing import result_of
from .tools import ToolLike, declared, structured, tools_from_langchain

_SHOWN = ("temperature", "max_tokens", "timeout", "retries", "base_url")


class ChatStepwell(ChatFields, BaseChatModel):
    """A chat model of LangChain.

        ChatStepwell(model="anthropic:claude-sonnet-4-5", temperature=0, reasoning_effort="low")

    Any other argument is an option of the call, as in schemas/options.py, and is checked before anything is sent; so
    are the arguments of `invoke`, `stream` and `bind`, where `model=` names another model.

    Errors are stepwell's, and LangChain's ModelError of the same meaning as well.
    """

    stop: list[str] | str | None = Field(default=None, alias="stop_sequences")
    timeout: Any = None
    """Seconds for the whole call, or Timeouts."""
    retries: int | None = Field(default=None, alias="max_retries")
    api_key: ApiKey = None
    base_url: str | None = None
    streaming: bool = False
    """Whether `invoke` streams internally."""

    model_config = ConfigDict(populate_by_name=True)

    @property
    def _llm_type(self) -> str:
        return "stepwell"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("model", "stop", *_SHOWN)}
        return {name: value for name, value in own.items() if value is not None} | self.options

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True: LangChain may serialise it."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The fields that are secrets, and the variables that stand for them when it is serialised."""
        return {"api_key": "STEPWELL_API_KEY"}

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._clients.planner.catalog.get(self.model))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: object) -> LangSmithParams:
        """Return the parameters for traces, with the provider and model names by which LangSmith finds prices."""
        params = super()._get_ls_params(stop=stop or _stop_list(self.stop), **kwargs)
        provider, colon, name = params["ls_model_name"].partition(":")
        return LangSmithParams(**{**params, "ls_provider": provider, "ls_model_name": name}) if colon else params

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: object) -> str:
        """Return the key of LangChain's cache. The same model name at another server has another key."""
        options: dict[str, Any] = {"base_url": self.base_url, **self.options, **kwargs}
        plan = self._clients.planner.plan("chat", options.get("model") or self.model, wire=options.get("wire"))
        server = self._clients.custom_endpoint(plan, options)
        name = super()._get_llm_string(stop=stop, **kwargs)
        return name if server is None else f"{name}---{server}"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        model, context, options = self._request(messages, stop, kwargs)
        with known_to_langchain():
            return result_of(self._clients.sync.make_call("chat", model, context, options))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        model, context, options = self._request(messages, stop, kwargs)
        with known_to_langchain():
            return result_of(await self._clients.asynchronous.make_call("chat", model, context, options))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> Iterator[ChatGenerationChunk]:
        model, context, options = self._request(messages, stop, kwargs, stream=True)
        writer = ChunkWriter(listed=self.output_version == "v1")
        with known_to_langchain(), self._clients.sync.open_stream("chat", model, context, options) as stream:
            for chunk in stream:
                if (written := writer.feed(chunk)) is not None:
                    yield written
            yield writer.last(stream.reply())

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> AsyncIterator[ChatGenerationChunk]:
        model, context, options = self._request(messages, stop, kwargs, stream=True)
        writer = ChunkWriter(listed=self.output_version == "v1")
        with known_to_langchain():
            async with self._clients.asynchronous.open_stream("chat", model, context, options) as stream:
                async for chunk in stream:
                    if (written := writer.feed(chunk)) is not None:
                        yield written
                yield writer.last(await stream.reply())

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        call_options: Mapping[str, object],
        *,
        stream: bool = False,
    ) -> tuple[str, Context, dict[str, Any]]:
        """Return the model, the conversation and the options of one call.

        messages: LangChain's.
        stop: LangChain's stop sequences; None: those of this object.
        call_options: options of this call, before those of this object.
        stream: whether the call is streamed.
        """
        own = {name: value for name in (*_SHOWN, "headers") if (value := getattr(self, name)) is not None}
        options: dict[str, Any] = {**own, **self.options, **call_options}
        model = options.pop("model", None) or self.model
        options.pop("stream", None)
        tools = tools_from_langchain(options.pop("tools", None) or ())
        if (choice := choice_of(options.pop("tool_choice", None), tools)) is not None:
            options["tool_choice"] = choice
        if stop_strings := stop or _stop_list(self.stop):
            options["stop"] = stop_strings
        if self.api_key is not None:
            options.setdefault("api_key", revealed_key(self.api_key))
        if stream and (options.get("n") or 1) > 1:
            raise ConfigError("LangChain can stream only one answer", hint="leave n out, or call invoke or generate")
        return model, Context(messages_from_langchain(messages), tools), options

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        **options: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools on offer. Raises ConfigError for a `tool_choice` that is not among the tools.

        tools: LangChain's tools, functions, classes, declarations of any vendor, or stepwell Tools.
        tool_choice: auto, any, none, or a tool's name.
        strict: whether arguments must fit the tool's schema exactly (None: the provider's default).
        options: any other options of the call, such as `parallel_tool_calls`.
        """
        bound = [declared(tool, strict) for tool in tools]
        choice_of(tool_choice, tools_from_langchain(bound))
        return self.bind(tools=bound, **({} if tool_choice is None else {"tool_choice": tool_choice}), **options)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: str | None = None,
        strict: bool | None = None,
        **kwargs: object,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return the model with answers that fit a schema.

        The Runnable raises LangChain's OutputParserException for an answer that is not such an object, a refusal and an
        answer that was cut included. Raises ConfigError for an unknown method.

        schema: a pydantic class (gives its objects), a TypedDict or a JSON Schema (give dicts).
        include_raw: give a dict of the raw message, the parsed object and the parser's error.
        method: json_schema, function_calling or json_mode; by default json_schema if the catalog says that the model
            supports it, else function_calling.
        strict: whether answers must fit the schema exactly (None: the provider's default).
        """
        if kwargs:
            raise ConfigError(f"with_structured_output has no argument {', '.join(kwargs)}")
        if method is None:
            method = (
                "json_schema" if self._clients.planner.catalog.get(self.model).structured_output else "function_calling"
            )
        return structured(self, schema, method, strict=strict, include_raw=include_raw)

    def get_num_tokens(self, text: str) -> int:
        """Count tokens by the provider; estimate them where it offers no count."""
        return self.get_num_tokens_from_messages([HumanMessage(text)])

    def get_num_tokens_from_messages(self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """Count tokens by the provider; estimate them where it offers no count."""
        bound = [declared(tool, None) for tool in tools or ()]
        model, context, options = self._request(list(messages), None, {"tools": bound})
        sent: dict[str, Any] = {name: options[name] for name in ("api_key", "base_url", "timeout") if name in options}
        with known_to_langchain():
            reply = self._clients.sync.make_call("count_tokens", model, context, sent)
        return reply.usage.input_tokens or 0


def _stop_list(stop: list[str] | str | None) -> list[str] | None:
    return [stop] if isinstance(stop, str) else stop or None


def profile_of(model: Model) -> ModelProfile | None:
    """Return the catalog's facts on a model under LangChain's names; None for an unknown model."""
    if not model.known:
        return None
    facts: dict[str, Any] = {
        "name": model.name,
        "release_date": model.release_date,
        "status": model.status,
        "open_weights": model.facts.get("open_weights"),
        "max_input_tokens": model.facts.get("max_input_tokens", model.context_window),
        "max_output_tokens": model.max_output_tokens,
        "reasoning_output": model.reasoning,
        "tool_calling": model.tools,
        "structured_output": model.structured_output,
        "attachment": model.attachment,
        "temperature": model.temperature,
    }
    for kind in ("text", "image", "pdf", "audio", "video") if model.input else ():
        facts[f"{kind}_inputs"] = kind in model.input
    for kind in ("text", "image", "audio", "video") if model.output else ():
        facts[f"{kind}_outputs"] = kind in model.output
    profile: ModelProfile = {name: value for name, value in facts.items() if value is not None}  # type: ignore[assignment]
    return profile
