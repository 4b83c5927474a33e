"""Arguments, options and settings of other libraries and their equivalents here: hints that only mistakes load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _each(words: str, right: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), right)


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

ARGUMENTS: Final[Mapping[str, str]] = {
    "Budget": 'write Budget("2.50") for dollars, Budget(tokens=100_000) for tokens',
    "RateLimit": "write RateLimit(requests=500, tokens=200_000), which are per minute; per= gives other seconds",
    "retry": "how often is retries= of a client or a call",
    "fallback": "write fallback('provider:model-id', ...), and when= for the errors that count",
    "tool": "write @tool above the function, or @tool(name=, description=, parameters=, strict=, timeout=)",
    "Node": "write Node(text, source, metadata)",
    "Document": "write Document(text, source, metadata)",
    "Tool": "decorate a function with stepwell.tool, or write Tool(name, description, parameters), a JSON Schema",
    "ToolCall": """write ToolCall(id, name, '{"city": "Oslo"}'), with the arguments as JSON text""",
    "Timeouts": "write Timeouts(connect=, first_event=, idle=, total=), in seconds; others call idle= read",
}
"""How these classes and functions are called, where the names of their arguments do not say it."""

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
    **_each("max_steps approve tool_timeout deps", "call run_tools(model, prompt, tools, ...)"),
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
    **_each("url api_base endpoint host default_base_url", "it is base_url="),
    **_each("default_key env_name default_env", "it is env_key='ACME_API_KEY'"),
    **_each("provider_schema provider_options schema", "they are options={'name': {'type': 'string'}}"),
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
