"""Names of other libraries and their equivalents here: hints for errors about names that do not exist.

The names are those of the clients of OpenAI, Anthropic, Google and Mistral, of litellm, LangChain, LlamaIndex and
instructor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NoReturn


def _each(words: str, right: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), right)


_TEXT: Final = "the text is reply.text"
_STREAMED: Final = "iterate stream.text_deltas() for the text, or check chunk.type == 'text'"
_ASK: Final = "call client.generate_text(model, prompt)"
_LOOP: Final = "call run_tools(model, prompt, tools)"

_OF_REPLY: Final[Mapping[str, str]] = {
    **_each("choices candidates generations completion response", f"{_TEXT}, further answers are reply.alternatives"),
    **_each("content output_text completion_text delta output", f"{_TEXT}, the parts are reply.message.content"),
    **_each("stop_reason done_reason finish finishReason", "it is reply.finish_reason"),
    **_each("function_call tool_use tool_call function_calls", "the calls are reply.tool_calls"),
    **_each("parsed output_parsed value result", "an object is reply.object, text is reply.text"),
    **_each("data", "vectors are reply.embeddings, images reply.images; text is reply.text, an object reply.object"),
    **_each("vectors vector embeds", "the vectors are reply.embeddings"),
    **_each("model_dump model_dump_json json dict to_dict", "reply.to_json() is its JSON, reply.raw the provider's"),
    **_each(
        "usage_metadata response_cost total_cost cost_usd price",
        "reply.usage has the tokens, reply.cost.total the dollars",
    ),
    **_each("thinking reasoning_content thoughts", "it is reply.reasoning"),
    **_each(
        "messages history conversation all_messages new_messages to_input_list",
        "the conversation with the answer is reply.context",
    ),
    **_each(
        "response_metadata additional_kwargs hidden_params _hidden_params",
        "see reply.metadata, reply.headers and reply.raw",
    ),
    **_each("data_url image b64_json url", "the images are reply.images, speech is reply.audio"),
}
_OF_USAGE: Final[Mapping[str, str]] = {
    **_each("prompt_tokens input prompt_token_count promptTokenCount prompt_eval_count", "it is usage.input_tokens"),
    **_each("completion_tokens output candidates_token_count eval_count", "it is usage.output_tokens"),
    **_each("cache_read_input_tokens cached_tokens prompt_tokens_details", "it is usage.cached_input_tokens"),
    **_each("cache_read_tokens cache_read", "it is usage.cached_input_tokens"),
    **_each("cache_creation_input_tokens cache_creation", "it is usage.cache_write_tokens"),
    **_each("completion_tokens_details output_tokens_details", "it is usage.reasoning_tokens"),
    **_each("total total_token_count", "it is usage.total_tokens"),
    **_each("cost total_cost", "it is reply.cost"),
}
_OF_CALL: Final[Mapping[str, str]] = {
    **_each("function", "call.name and call.arguments are its own fields"),
    **_each("args input parameters kwargs tool_input", "the parsed arguments are call.arguments, a dict"),
    **_each("tool_call_id call_id", "it is call.id"),
    **_each("tool_name function_name", "it is call.name"),
}
_OF_MESSAGE: Final[Mapping[str, str]] = {
    **_each("parts blocks", "the parts are message.content"),
    **_each("function_call", "the calls are message.tool_calls"),
    **_each("reasoning_content thinking", "it is message.reasoning"),
}
_OF_CHUNK: Final[Mapping[str, str]] = {
    **_each("choices delta content text message candidates", _STREAMED),
    **_each("finish_reason reason", "the chunk of type 'finish' has it, as reason, and stream.reply().finish_reason"),
    **_each("usage", "stream.reply().usage is that of the whole answer"),
    **_each("tool_calls function", "stream.reply().tool_calls are the whole calls"),
}
_OF_STREAM: Final[Mapping[str, str]] = {
    **_each("text_stream stream_text stream_output textStream tokens full_stream", "iterate stream.text_deltas()"),
    **_each("cancel stop abort", "call stream.close(), or leave its `with` block"),
    **_each("text content choices output_text", "stream.text_deltas() are the pieces, stream.reply().text the whole"),
    **_each(
        "get_final_message get_final_text get_final_response get_final_completion final_output final_message "
        "until_done",
        "stream.reply() reads to the end and gives the whole Reply",
    ),
    **_each("tool_calls object", "stream.reply(), the whole Reply, has it"),
    **_each("iter_lines iter_bytes iter_text", "iterate the stream for its chunks"),
}
_OF_CLIENT: Final[Mapping[str, str]] = {
    **_each("chat messages responses completions beta conversations", _ASK),
    **_each("completion complete invoke predict generate generate_content create ask send", _ASK),
    **_each(
        "acompletion ainvoke agenerate acomplete agenerate_text astream_text arun_tools",
        "an AsyncClient has the same methods as a Client, and they are awaited: await client.generate_text(...)",
    ),
    **_each("embeddings embedding embed_content", "call client.embed(model, texts)"),
    **_each("models", "call client.list_models(provider); facts and prices are in stepwell.models"),
    **_each("images image_generation", "call client.generate_image(model, prompt)"),
    **_each("audio transcriptions speech", "call client.transcribe(model, audio) or client.speak(model, text)"),
    **_each("moderations", "call client.moderate(model, texts)"),
    **_each("batches", "call client.submit_batch(model, prompts)"),
    **_each("parse with_structured_output", "call client.generate_object(model, prompt, schema)"),
    **_each("bind_tools run_agent agent", _LOOP),
    **_each("with_options copy with_raw_response", "options go with a call; the answer's headers are reply.headers"),
    **_each("astream stream_chat", "call client.stream_text(model, prompt)"),
    **_each("aclose", "call close(), or use the client in a `with` block"),
    **_each("api_key base_url", "api_keys= and base_urls= go by provider, or with a single call"),
}
_OF_CONTEXT: Final[Mapping[str, str]] = {
    **_each("add extend insert push add_message add_user_message", "context.append(...) returns a longer one"),
    **_each("text", "the last message's is context[-1].text"),
    **_each("role content", "they are of its messages: context[-1].role"),
}
OPTION_OF_REQUEST: Final = "it is in request.options"
_OF_REQUEST: Final[Mapping[str, str]] = {
    **_each("messages prompt conversation history contents", "the conversation is request.context"),
    **_each("system instructions", "it is the first message of request.context"),
    **_each("text content", "the last message's is request.context[-1].text"),
    **_each("tools", "they are request.context.tools"),
    **_each("temperature max_tokens seed stop top_p tool_choice response_format", OPTION_OF_REQUEST),
    **_each("params kwargs", "they are request.options"),
    **_each("json data payload content_bytes", "the bytes are request.body, which build_body and encode_body make"),
    **_each("api_key key token", "it is request.credential"),
    **_each("timeout", "the limits are request.timeouts"),
    **_each("provider", "it is request.model.provider"),
    **_each("copy evolve model_copy", "request.replace(...) returns a changed copy"),
}
_ANSWER: Final = "of an answer that is no stream, it is response.reply.{}; of a stream, use on_chunk or response.on_end"
_OF_RESPONSE: Final[Mapping[str, str]] = {
    **{
        name: _ANSWER.format(name)
        for name in ("text", "message", "usage", "tool_calls", "finish_reason", "object", "cost")
    },
    **_each("content choices output_text messages", _ANSWER.format("text")),
    **_each("json", "the decoded body is response.data"),
    **_each("status_code", "it is response.status"),
    **_each("elapsed latency", "see response.reply.attempts"),
}
_OF_LLM: Final[Mapping[str, str]] = {
    **_each("invoke generate generate_text", "call llm.chat(messages) or llm.complete(text)"),
    **_each("ainvoke agenerate", "await llm.achat(messages) or llm.acomplete(text)"),
    **_each("bind_tools", "call llm.predict_and_call(tools, prompt)"),
    **_each("with_structured_output as_structured_llm", "call llm.as_structured(schema)"),
    **_each("batch abatch", "call client.submit_batch(model, prompts)"),
    **_each("bind with_config", "call llm.with_options(...)"),
}
_OF_TOOL: Final[Mapping[str, str]] = {
    **_each("execute run invoke ainvoke func fn function", "call the tool itself with its arguments: tool(...)"),
    **_each("schema args_schema input_schema inputSchema json_schema args", "the JSON Schema is tool.parameters"),
}
_OF_PIPELINE: Final[Mapping[str, str]] = {
    **_each("insert_before add_before", "it is pipeline.before(name, step)"),
    **_each("insert_after add_after", "it is pipeline.after(name, step)"),
    **_each("remove delete drop pop discard", "it is pipeline.without(name)"),
    **_each("add insert extend use push", "it is pipeline.prepend(step), outside the others, or append(step)"),
    **_each("append_request_steps prepend_request_steps", "it is pipeline.prepend(on_request(function))"),
    **_each("append_response_steps prepend_response_steps", "it is pipeline.prepend(on_response(function))"),
    **_each("append_error_steps prepend_error_steps", "it is pipeline.prepend(on_error(function))"),
}
_OF_CATALOG: Final[Mapping[str, str]] = {
    **_each("list all available list_models available_models search", "call models.find(), which takes conditions"),
    **_each("list_providers", "call models.providers()"),
    **_each("info get_model_info model_info cost price prices", "call models.get('provider:model-id')"),
    **_each("register set update", "call models.add(row), or models.patch(name, changes)"),
}
_OF_EMBEDDER: Final[Mapping[str, str]] = {
    **_each("get_query_embedding get_agg_embedding_from_queries", "call embedder.embed_query(text)"),
    **_each("get_text_embedding get_text_embedding_batch encode embed_texts", "call embedder.embed_documents(texts)"),
    **_each("aget_query_embedding", "await embedder.aembed_query(text)"),
    **_each("aget_text_embedding aget_text_embedding_batch", "await embedder.aembed_documents(texts)"),
}
_OF_RETRIEVER: Final[Mapping[str, str]] = {
    **_each("get_relevant_documents invoke similarity_search query", "call retriever.retrieve(query)"),
    **_each("aget_relevant_documents ainvoke asimilarity_search aquery", "await retriever.aretrieve(query)"),
}
_OF_NODE: Final[Mapping[str, str]] = {
    **_each("get_content get_text page_content content", "it is node.text"),
    **_each("node_id id_", "it is the node's id"),
}
_OF_MAP: Final[Mapping[str, str]] = _each(
    "answered failed skipped errors reasons cost usage results seconds", "call .run(), whose summary has the counts"
)
_ENTERED: Final = "it is synchronous: write `with`, or take an AsyncClient, whose methods are the same and awaited"
_ENTERED_ASYNC: Final = "it is asynchronous: write `async with`"
ATTRIBUTES: Final[Mapping[str, Mapping[str, str]]] = {
    "reply": _OF_REPLY,
    "usage": _OF_USAGE,
    "call": _OF_CALL,
    "message": _OF_MESSAGE,
    "chunk": _OF_CHUNK,
    "stream": _OF_STREAM,
    "stream of a workflow": {
        **_OF_STREAM,
        **_each("usage finish_reason", "stream.reply(), the whole Reply, has it"),
        **_each("text_deltas partial_objects partial_object_stream objects", "iterate the stream itself for its items"),
    },
    "client": _OF_CLIENT,
    "llm": _OF_LLM,
    "context": _OF_CONTEXT,
    "request": _OF_REQUEST,
    "response": _OF_RESPONSE,
    "map": _OF_MAP,
    "tool": _OF_TOOL,
    "pipeline": _OF_PIPELINE,
    "catalog": _OF_CATALOG,
    "embedder": _OF_EMBEDDER,
    "retriever": _OF_RETRIEVER,
    "node": _OF_NODE,
    "sync client": {"__aenter__": _ENTERED},
    "sync stream": {"__aenter__": _ENTERED},
    "async client": {"__enter__": _ENTERED_ASYNC},
    "async stream": {"__enter__": _ENTERED_ASYNC},
}
"""By kind of object, the equivalents of attributes that other libraries have.

A `with` statement looks up `__enter__` and gets the error from there. Without `__exit__` the class still is no context
manager for `isinstance`.
"""
ITEMS: Final[Mapping[str, str]] = {
    "reply": f"{_TEXT}, further answers are reply.alternatives, vectors are reply.embeddings",
    "usage": "its fields are usage.input_tokens, usage.output_tokens and so on",
    "call": "call.name is the tool's name, call.arguments a dict",
    "message": "message.text is its text, message.content the parts",
    "chunk": _STREAMED,
    "async stream": "read it with `async for`",
}
"""By kind of object, what to write in the place of `reply["text"]`, `reply[0]` or `for each in reply`."""


class ForeignName:
    """An attribute that an object does not have, but another library's has: reading it raises an error with a hint.

    It is a descriptor. With `__getattr__`, Python 3.11 would read every attribute of such objects the slow way, which
    costs 3% of a call and 7% of a streamed event.
    """

    def __init__(self, name: str, hint: str) -> None:
        self._name = name
        self._hint = hint

    def __get__(self, subject: object, owner: type) -> object:
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self._name!r}; {self._hint}", name=self._name, obj=subject
        )


def _refusing_items(kind: str) -> Callable[[object, object], NoReturn]:
    """Return the `__getitem__` of a class that has no items, for an error with a hint.

    Python calls it for `reply[0]`, and also to iterate what has no `__iter__`, which is not defined: the class would be
    an Iterable for `isinstance`.
    """

    def refuse(self: object, item: object, /) -> NoReturn:
        name = type(self).__name__
        if isinstance(item, str) and item in dir(self) and not item.startswith("_"):
            raise TypeError(f"{name!r} object has no items; write {kind.rpartition(' ')[2]}.{item}")
        raise TypeError(f"{name!r} object has no items; {ATTRIBUTES[kind].get(str(item)) or ITEMS[kind]}")

    return refuse


class Hinted:
    """A base class of classes whose attributes have other names in other libraries.

    `class Reply(Hinted, hints="reply")` raises the errors of ATTRIBUTES["reply"].
    """

    __slots__ = ()

    def __init_subclass__(cls, *, hints: str = "", **more: object) -> None:
        super().__init_subclass__(**more)
        for name, hint in ATTRIBUTES[hints].items() if hints else ():
            setattr(cls, name, ForeignName(name, hint))
        if hints in ITEMS and "__getitem__" not in vars(cls):
            type.__setattr__(cls, "__getitem__", _refusing_items(hints))

    def __dir__(self) -> list[str]:
        """Return the names of the attributes that the object has."""
        values: dict[str, object] = {}
        for cls in reversed(type(self).__mro__):
            values.update(vars(cls))
        return [name for name in object.__dir__(self) if type(values.get(name)) is not ForeignName]


PROVIDERS: Final[Mapping[str, str]] = {
    "fake": "a FakeModel answers the calls of a client that has its providers: Client(registry=fake.registry)",
    "grok": "did you mean 'xai'?",
    "claude": "did you mean 'anthropic'?",
    **_each("gpt chatgpt", "did you mean 'openai'?"),
}
"""Hints for names that are no provider's id, though one may expect it."""
