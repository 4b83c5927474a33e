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
    **_each("stop_reason done_reason", "it is reply.finish_reason"),
    **_each("function_call tool_use tool_call function_calls", "the calls are reply.tool_calls"),
    **_each("parsed output_parsed value result", "an object is reply.object, text is reply.text"),
    **_each("data", "vectors are reply.embeddings, images reply.images; text is reply.text, an object reply.object"),
    **_each("vectors vector embeds", "the vectors are reply.embeddings"),
    **_each("model_dump model_dump_json json dict to_dict", "reply.to_json() is its JSON, reply.raw the provider's"),
    **_each("usage_metadata response_cost total_cost", "reply.usage has the tokens, reply.cost.total the dollars"),
    **_each("thinking reasoning_content thoughts", "it is reply.reasoning"),
    **_each("messages history conversation", "the conversation with the answer is reply.context"),
    **_each("response_metadata additional_kwargs hidden_params", "see reply.metadata, reply.headers and reply.raw"),
    **_each("data_url image b64_json url", "the images are reply.images, speech is reply.audio"),
}
_OF_USAGE: Final[Mapping[str, str]] = {
    **_each("prompt_tokens input prompt_token_count promptTokenCount prompt_eval_count", "it is usage.input_tokens"),
    **_each("completion_tokens output candidates_token_count eval_count", "it is usage.output_tokens"),
    **_each("cache_read_input_tokens cached_tokens prompt_tokens_details", "it is usage.cached_input_tokens"),
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
    **_each("text_stream stream_text stream_output", "iterate stream.text_deltas()"),
    **_each("text content choices output_text", "stream.text_deltas() are the pieces, stream.reply().text the whole"),
    **_each(
        "get_final_message get_final_text get_final_response get_final_completion final_output until_done",
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
_OF_REQUEST: Final[Mapping[str, str]] = {
    **_each("messages prompt conversation history contents", "the conversation is request.context"),
    **_each("system instructions", "it is the first message of request.context"),
    **_each("text content", "the last message's is request.context[-1].text"),
    **_each("tools", "they are request.context.tools"),
    **_each(
        "temperature max_tokens seed stop top_p params kwargs tool_choice response_format", "it is in request.options"
    ),
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
    "stream of a workflow": {**_OF_STREAM, **_each("usage finish_reason", "stream.reply(), the whole Reply, has it")},
    "client": _OF_CLIENT,
    "llm": _OF_LLM,
    "context": _OF_CONTEXT,
    "request": _OF_REQUEST,
    "response": _OF_RESPONSE,
    "map": _OF_MAP,
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

SETTINGS: Final[Mapping[str, str]] = {
    "api_key": "it goes by provider: api_keys={'openai': …}, or with a single call: api_key=…",
    "base_url": "it goes by provider: base_urls={'openai': …}, or with a single call: base_url=…",
    **_each("api_base endpoint azure_endpoint host", "it goes by provider: base_urls={'openai': …}"),
    **_each("proxies proxy", "pass http=httpx.Client(proxy='http://…'), or set HTTPS_PROXY"),
    **_each("verify cert ssl_context", "pass http=httpx.Client(verify=…)"),
    **_each("http_client session client", "pass http=, a client with httpx's interface"),
    **_each("max_retries num_retries", "it is retries="),
    **_each("default_headers extra_headers", "it is headers="),
    **_each("organization project", "pass it in headers="),
    **_each("model model_name default_model", "name the model with each call, or make a stepwell.llm.LLM(model)"),
    **_each("temperature max_tokens system tools", "options go with each call, or with a stepwell.llm.LLM(model, ...)"),
    **_each("cache", "it is a step: pipeline=stepwell.cache()"),
    **_each("rate_limiter rpm tpm", "it is a step: pipeline=stepwell.RateLimit(requests=…, tokens=…)"),
    **_each("fallbacks", "it is a step: pipeline=stepwell.fallback('provider:model-id')"),
    **_each("callbacks hooks logger", "they are steps: pipeline=[...], or stepwell.events.subscribe"),
    **_each("steps step middleware middlewares plugins", "it is pipeline=[...], a list of steps"),
    **_each("api_version", "it is part of the address: base_urls={'azure': …}"),
}
"""The equivalents of settings that other clients have."""

_BUDGET: Final = 'write Budget("2.50") for dollars, Budget(tokens=100_000) for tokens'
_RATE: Final = "write RateLimit(requests=500, tokens=200_000), which are per minute; per= gives other seconds"
ARGUMENTS: Final[Mapping[str, str]] = {
    "Budget": _BUDGET,
    "RateLimit": _RATE,
    "Tool": "decorate a function with stepwell.tool, or write Tool(name, description, parameters), a JSON Schema",
    "ToolCall": """write ToolCall(id, name, '{"city": "Oslo"}'), with the arguments as JSON text""",
    "Timeouts": "write Timeouts(connect=, first_event=, idle=, total=), in seconds; others call idle= read",
}
"""How objects of these classes are made."""

OPTIONS: Final[Mapping[str, str]] = {
    "stream": "for a stream call stream_text(...), or stream_tools(...) and stream_object(...) for run_tools and "
    "generate_object",
    **_each(
        "messages contents input history chat_history message_history memory conversation context previous_messages",
        "pass the conversation as the prompt",
    ),
    **_each(
        "max_turns max_iterations max_tool_calls recursion_limit", "it is max_steps= of run_tools and stream_tools"
    ),
    **_each("response_model output_type result_type schema", "call generate_object(model, prompt, schema)"),
    **_each("max_steps approve tool_timeout deps", _LOOP.replace("tools)", "tools, ...)")),
    **_each("fallbacks", "it is a step: pipeline=stepwell.fallback('provider:model-id')"),
    **_each("callbacks hooks", "they are steps: pipeline=[...], or stepwell.events.subscribe"),
    **_each("steps step middleware middlewares plugins", "it is pipeline=[...], a list of steps"),
    **_each("caching cache use_cache", "it is a step: pipeline=stepwell.cache()"),
    **_each("prompt_caching cache_control", "it is prompt_cache=True"),
    **_each("journal", "it is a setting of a client: Client(journal='work.sqlite')"),
    **_each("output outfile", "a map has out='results.jsonl'"),
    **_each("mock_response", "use stepwell.testing.FakeModel"),
    **_each("drop_params", "pass on_unsupported='ignore'; without it, a dropped option is a warning"),
    **_each("stream_options", "leave it out: the usage is on stream.reply()"),
    **_each("extra_query", "write the query into base_url="),
    **_each("verbose debug set_verbose", "print client.preview(...) or client.pipeline_for(model).describe()"),
    **_each(
        "images files attachments image documents", "put Image.from_file(path) or File.from_file(path) into the prompt"
    ),
    **_each("generation_config config safety_settings", "pass its fields as options, or in provider_options={…}"),
    **_each("num_ctx keep_alive options", "a provider's own options go in provider_options={…}"),
    **_each("custom_llm_provider deployment_id model_name deployment", "it is part of the model: 'provider:model-id'"),
    **_each("api_version", "it is part of the address: base_url=…"),
    **_each("http_client proxies proxy", "it is a setting of a client: Client(http=httpx.Client(proxy=…))"),
    **_each("organization project", "pass it in headers="),
}
"""The equivalents of options that other libraries have."""

MAP: Final[Mapping[str, str]] = {
    **_each(
        "max_workers max_concurrency concurrency batch_size threads n_jobs parallelism num_workers", "it is workers="
    ),
    **_each("keys id ids id_field key_field", "it is key=, the name of a field of the items or a function"),
}
"""The equivalents of arguments that others have for a map."""
DECLARED: Final[Mapping[str, str]] = {
    **_each("api_key key", "name its variable by env_key='ACME_API_KEY', or pass Client(api_keys={'acme': …})"),
    **_each("api_key_env key_env env env_var api_key_env_var", "it is env_key='ACME_API_KEY'"),
    **_each("key_required requires_key needs_key", "it is key_optional=True, for one that goes without"),
    **_each("retry retries max_retries timeout", "it goes with a call, or with a client: Client(retries=…, timeout=…)"),
    **_each("url api_base endpoint host", "it is base_url="),
}
"""The equivalents of what others declare about a provider."""

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("stopsequences", "stopsequence", "stopwords"), ("stop",)),
    **dict.fromkeys(
        ("maxoutputtokens", "maxcompletiontokens", "maxnewtokens", "maxlength", "numpredict", "npredict"),
        ("max_tokens",),
    ),
    **dict.fromkeys(("thinking", "reasoning", "think", "thinkingconfig"), ("reasoning_effort", "reasoning_budget")),
    **dict.fromkeys(("thinkingbudget", "budgettokens", "reasoningmaxtokens"), ("reasoning_budget",)),
    **dict.fromkeys(("systemprompt", "systeminstruction", "systemmessage", "instructions"), ("system",)),
    **dict.fromkeys(("functions", "tool", "toolconfig"), ("tools",)),
    **dict.fromkeys(("functioncall",), ("tool_choice",)),
    **dict.fromkeys(
        ("responseschema", "jsonschema", "schema", "responsemimetype", "outputschema"), ("response_format",)
    ),
    **dict.fromkeys(("numcompletions", "candidatecount", "bestof"), ("n",)),
    **dict.fromkeys(("randomseed",), ("seed",)),
    **dict.fromkeys(("maxretries", "numretries", "retry", "retrycount", "retryattempts", "maxattempts"), ("retries",)),
    **dict.fromkeys(("apibase", "baseurl", "endpoint"), ("base_url",)),
    **dict.fromkeys(("key", "token"), ("api_key",)),
    **dict.fromkeys(("extraheaders", "defaultheaders"), ("headers",)),
    **dict.fromkeys(("extrabody", "modelkwargs", "additionalmodelrequestfields"), ("provider_options",)),
    **dict.fromkeys(("requesttimeout", "timeoutseconds", "deadline"), ("timeout",)),
    **dict.fromkeys(("temp",), ("temperature",)),
}
"""Our options by their names in other libraries, which are in lower case and without underscores."""
