"""StepwellLLM: a LlamaIndex LLM for every provider of stepwell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.generic_utils import (
    achat_to_completion_decorator,
    astream_chat_to_completion_decorator,
    chat_to_completion_decorator,
    stream_chat_to_completion_decorator,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW, DEFAULT_NUM_OUTPUTS
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.utils import get_program_for_llm
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.tools.types import BaseTool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field

from ...schemas.errors import ToolFailed
from ...schemas.message import Context
from ...schemas.reply import WHOLE
from ...schemas.tool import Tool, tool_behind
from ..common import choice_of
from ..credentials import ApiKey, revealed_key
from ..fields import ChatFields
from .messages import messages_from_llama_index, response_of, with_one_call
from .streaming import ResponseWriter


class StepwellLLM(ChatFields, FunctionCallingLLM):
    """An LLM of LlamaIndex.

        StepwellLLM(model="anthropic:claude-sonnet-4-5", temperature=0, reasoning_effort="low")

    Any other argument is an option of the call, as in schemas/options.py, and is checked before anything is sent; so
    are the keyword arguments of `chat`, `complete` and the others.
    """

    context_window: int | None = None
    """Tokens of the context; by default the catalog's figure."""
    api_key: ApiKey = Field(default=None, exclude=True)

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises it."""
        return "StepwellLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """The catalog's facts. A model of unknown abilities is assumed to call functions."""
        known = self._clients.planner.catalog.get(self.model)
        return LLMMetadata(
            context_window=self.context_window or known.context_window or DEFAULT_CONTEXT_WINDOW,
            num_output=self.max_tokens or DEFAULT_NUM_OUTPUTS,
            is_chat_model=True,
            is_function_calling_model=known.tools is not False,
            model_name=self.model,
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        """Return the answer to a conversation; `kwargs` are options of the call, here and below."""
        return self._chat(messages, **kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        """Async version of `chat`."""
        return await self._achat(messages, **kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponseGen:
        """Stream the answer to a conversation."""
        return self._stream_chat(messages, **kwargs)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponseAsyncGen:
        """Async version of `stream_chat`."""
        return await self._astream_chat(messages, **kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> CompletionResponse:
        """Return the answer to a prompt."""
        return chat_to_completion_decorator(self._chat)(prompt, **kwargs)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: object) -> CompletionResponse:
        """Async version of `complete`."""
        return await achat_to_completion_decorator(self._achat)(prompt, **kwargs)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> CompletionResponseGen:
        """Stream the answer to a prompt."""
        return stream_chat_to_completion_decorator(self._stream_chat)(prompt, **kwargs)

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: object
    ) -> CompletionResponseAsyncGen:
        """Async version of `stream_complete`."""
        return await astream_chat_to_completion_decorator(self._astream_chat)(prompt, **kwargs)

    # These have no callbacks: a completion that called `chat` would be reported, and its tokens counted, twice. A
    # stream is opened when it is first read, as in LlamaIndex's own classes: an unread one would never be closed.

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        model, context, options = self._request(messages, kwargs)
        return response_of(self._clients.sync.make_call("chat", model, context, options))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        model, context, options = self._request(messages, kwargs)
        return response_of(await self._clients.asynchronous.make_call("chat", model, context, options))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponseGen:
        model, context, options = self._request(messages, kwargs)

        def responses() -> ChatResponseGen:
            writer = ResponseWriter()
            with self._clients.sync.open_stream("chat", model, context, options) as stream:
                for chunk in stream:
                    if (so_far := writer.feed(chunk)) is not None:
                        yield so_far
                yield writer.last(stream.reply())

        return responses()

    async def _astream_chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponseAsyncGen:
        model, context, options = self._request(messages, kwargs)

        async def responses() -> ChatResponseAsyncGen:
            writer = ResponseWriter()
            async with self._clients.asynchronous.open_stream("chat", model, context, options) as stream:
                async for chunk in stream:
                    if (so_far := writer.feed(chunk)) is not None:
                        yield so_far
                yield writer.last(await stream.reply())

        return responses()

    def _structured_stream_call(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: object,
    ) -> Any:
        return self._streaming_program(output_cls, prompt).stream_call(llm_kwargs=llm_kwargs, **prompt_args)

    async def _structured_astream_call(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: object,
    ) -> Any:
        return await self._streaming_program(output_cls, prompt).astream_call(llm_kwargs=llm_kwargs, **prompt_args)

    def _streaming_program(self, output_cls: type[BaseModel], prompt: BasePromptTemplate) -> Any:
        """Return LlamaIndex's program for an object, which requires the model to call the object's tool.

        LlamaIndex itself requires that of unstreamed answers only, and makes empty objects of prose.
        """
        calling = self.pydantic_program_mode in _CALLING and self.metadata.is_function_calling_model
        options = {"tool_choice": "required"} if calling else {}
        mode = self.pydantic_program_mode
        return get_program_for_llm(output_cls, prompt, self, pydantic_program_mode=mode, **options)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: object
    ) -> list[ToolSelection]:
        """Return the tool calls of a response.

        Raises ValueError, as LlamaIndex expects, if there are none and `error_on_no_tool_call` is set. Raises
        ToolFailed for calls that must not be run: their arguments are not a JSON object, or the answer was cut.
        """
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not calls and error_on_no_tool_call:
            raise ValueError("the model called no tool")
        if calls and (reason := response.additional_kwargs.get("finish_reason")) not in WHOLE:
            raise ToolFailed(
                f"the answer ended with {reason!r}, so its calls may be cut short or refused",
                hint="ask again, or raise max_tokens if the answer was cut",
                tool=calls[0].tool_name,
            )
        return [_selection(call) for call in calls]

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: object,
    ) -> dict[str, Any]:
        """Return the arguments of a chat with tools on offer; the parameters are those of LlamaIndex."""
        question = ChatMessage(role=MessageRole.USER, content=user_msg) if isinstance(user_msg, str) else user_msg
        options: dict[str, Any] = {"tools": [tool_of(tool) for tool in tools]}
        if tools and not allow_parallel_tool_calls:
            options["parallel_tool_calls"] = False
        if tools and tool_required:
            options["tool_choice"] = "required"
        # LlamaIndex's programs pass tool_choice=None beside tool_required=True.
        options |= {name: value for name, value in kwargs.items() if value is not None}
        return {"messages": [*(chat_history or []), *([question] if question else [])], **options}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: object,
    ) -> ChatResponse:
        """Remove all calls but the first if only one is allowed: not every provider has an option for that."""
        if not allow_parallel_tool_calls:
            response.message = with_one_call(response.message)
        return response

    def _request(
        self, messages: Sequence[ChatMessage], call_options: Mapping[str, object]
    ) -> tuple[str, Context, dict[str, Any]]:
        """Return the model, the conversation and the options of one call.

        `call_options` are options of this call, which override those of this object.
        """
        own = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "headers": self.headers,
            "api_key": revealed_key(self.api_key),
        }
        set_here = {name: value for name, value in own.items() if value is not None}
        options: dict[str, Any] = {**set_here, **self.options, **call_options}
        tools = [tool_behind(tool) or tool_of(tool) for tool in options.pop("tools", None) or ()]
        if (choice := choice_of(options.pop("tool_choice", None), tools)) is not None:
            options["tool_choice"] = choice
        return options.pop("model", self.model), Context(messages_from_llama_index(messages), tools), options


_CALLING = (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION)


def tool_of(tool: BaseTool) -> Tool:
    """Convert a LlamaIndex tool."""
    metadata = tool.metadata
    return Tool(metadata.get_name(), metadata.description, metadata.get_parameters_dict())


def _selection(call: ToolCallBlock) -> ToolSelection:
    if not isinstance(call.tool_kwargs, dict):
        raise ToolFailed(
            f"the model called {call.tool_name} with arguments that are not a JSON object",
            hint="ask again, or raise max_tokens if the answer was cut",
            tool=call.tool_name,
        )
    return ToolSelection(tool_id=call.tool_call_id or "", tool_name=call.tool_name, tool_kwargs=call.tool_kwargs)
