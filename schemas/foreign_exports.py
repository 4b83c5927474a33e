"""Names that other libraries export, and their equivalents here: hints for names that a module does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_STEP: Final = "it is a step: pipeline="
_MODELS: Final = "facts and prices are in stepwell.models: models.get('provider:model-id')"

_PACKAGE: Final[Mapping[str, str]] = {
    "call generate_text(model, prompt)": "completion chat_completion text_completion generate generate_content invoke "
    "predict chat responses Completion ChatCompletion LLMChain",
    "await agenerate_text(model, prompt)": "acompletion atext_completion aresponses agenerate ainvoke arun",
    "call stream_text(model, prompt)": "stream chat_stream streaming",
    "iterate astream_text(model, prompt)": "astream",
    "call generate_object(model, prompt, schema)": "with_structured_output from_openai from_provider instructor "
    "JsonOutputParser PydanticOutputParser generate_structured",
    "the text of a reply is reply.text; parsers are in stepwell.parsers": "StrOutputParser output_parser",
    "call embed(model, texts)": "embedding embed_content embed_texts embed_many embedMany",
    "await aembed(model, texts)": "aembedding",
    "make a stepwell.embeddings.Embedder(model)": "EmbeddingModel OpenAIEmbeddings OpenAIEmbedding",
    "call generate_image(model, prompt)": "image_generation",
    "await agenerate_image(model, prompt)": "aimage_generation",
    "call transcribe(model, audio)": "transcription",
    "await atranscribe(model, audio)": "atranscription",
    "call speak(model, text)": "speech",
    "await aspeak(model, text)": "aspeech",
    "call moderate(model, texts)": "moderation",
    "await amoderate(model, texts)": "amoderation",
    "call count_tokens(model, prompt)": "token_counter get_token_count num_tokens",
    "call client.map(items, ...), a method of Client and AsyncClient": "map batch_completion abatch_completion abatch",
    "reply.cost.total has the dollars; prices are in stepwell.models": "completion_cost cost_per_token response_cost",
    _MODELS: "get_model_info get_model model_cost model_list get_max_tokens supports_vision supports_function_calling "
    "supports_response_schema",
    "call stepwell.models.add({...})": "register_model",
    "call register(provider)": "register_provider custom_provider_map",
    "call provider(id)": "get_provider get_llm_provider",
    "write the model as 'provider:model-id'; names of your own are a dict of yours": "model_alias_map model_name",
    f"{_STEP}stepwell.fallback('provider:model-id'), or round_robin of stepwell.steps": "Router RoundRobin "
    "LoadBalancer load_balance with_fallbacks",
    f"{_STEP}stepwell.RateLimit(requests=…, tokens=…)": "RateLimiter rate_limiter InMemoryRateLimiter Limiter rpm tpm",
    f"{_STEP}stepwell.cache()": "InMemoryCache SQLiteCache RedisCache set_llm_cache enable_cache",
    f"{_STEP}circuit_breaker(), of stepwell.steps": "CircuitBreaker",
    f"{_STEP}fit_context(), of stepwell.steps": "trim_messages",
    f"{_STEP}stepwell.Budget('2.50')": "BudgetManager",
    "retries= of a Client or a call; the step is retry of stepwell.steps": "with_retry Retry max_retries num_retries",
    "write a step (around, on_request, on_response), or use stepwell.events": "callbacks success_callback Middleware "
    "failure_callback CustomLogger BaseCallbackHandler CallbackHandler Runnable RunnableLambda RunnablePassthrough",
    "print client.preview(...) or client.pipeline_for(model).describe()": "set_verbose verbose debug",
    "pass on_unsupported='ignore'; without it, a dropped option is a warning": "drop_params",
    "make a stepwell.Client(), for all providers": "OpenAI AzureOpenAI Anthropic AnthropicBedrock Mistral "
    "MistralClient Groq Cohere genai GoogleGenAI GenerativeModel Ollama ollama",
    "make a stepwell.AsyncClient(), for all providers": "AsyncOpenAI AsyncAzureOpenAI AsyncAnthropic AsyncGroq",
    "make a stepwell.llm.LLM(model)": "ChatOpenAI AzureChatOpenAI ChatAnthropic ChatBedrock ChatGoogleGenerativeAI "
    "ChatVertexAI ChatMistralAI ChatGroq ChatOllama ChatModel init_chat_model",
    "it is stepwell.llm.ChatTemplate": "ChatPromptTemplate",
    "it is stepwell.llm.Slot": "MessagesPlaceholder",
    "it is stepwell.testing.FakeModel": "FakeListLLM FakeListChatModel FakeChatModel MockLLM TestModel",
    "it is stepwell.embeddings.similarity(a, b)": "cosine_similarity similarity dot_product",
    "stepwell.models.providers() lists them; stepwell.provider(id) is one": "list_providers Providers",
    "stepwell.models.find() lists them": "list_all_models available_models get_models",
    "see stepwell.retrieval": "VectorStore VectorStoreIndex InMemoryVectorStore",
    "a conversation is a Context; the one with the answer is reply.context": "Conversation History Chat "
    "ChatMessageHistory ConversationBufferMemory",
    "stream.reply() is the whole Reply": "stream_chunk_builder",
    "call user(text)": "HumanMessage UserMessage UserPrompt",
    "call system(text)": "SystemMessage SystemPrompt",
    "call assistant(text)": "AIMessage AssistantMessage ModelResponse",
    "call tool_result(call, content)": "ToolMessage ToolReturn",
    "call run_tools(model, prompt, tools)": "Agent AgentExecutor create_react_agent Runner bind_tools",
    "annotate a tool's parameter with Deps[...], and pass deps=": "RunContext Depends InjectedToolArg",
    "decorate a function with stepwell.tool": "function_tool StructuredTool FunctionTool",
    "write generate_text, stream_text, generate_object": "generateText streamText generateObject streamObject",
    "set the provider's variable (OPENAI_API_KEY), or pass Client(api_keys={'openai': …})": "api_key set_api_key "
    "put_key",
    "pass Client(base_urls={'openai': …})": "api_base base_url",
}
PACKAGE: Final[Mapping[str, str]] = {name: hint for hint, names in _PACKAGE.items() for name in names.split()}
"""The equivalents of names that other libraries export at the top."""

_ERRORS: Final[Mapping[str, str]] = {
    "RateLimitError": "RateLimited RateLimitExceeded TooManyRequests TooManyRequestsError",
    "InvalidRequest": "BadRequestError BadRequest InvalidRequestError UnprocessableEntityError RequestError",
    "AuthError": "AuthenticationError PermissionDeniedError Unauthorized AuthenticationFailed",
    "NotFound": "NotFoundError",
    "UnknownModel": "ModelNotFound ModelNotFoundError InvalidModel",
    "ProviderError": "APIError APIStatusError HTTPStatusError ApiError ProviderException",
    "TransportError": "APIConnectionError ConnectionFailed NetworkError APITimeoutError Timeout "
    "ReadTimeout TimeoutError TimeoutException RequestTimeout",
    "ServerError": "InternalServerError APIServerError",
    "Overloaded": "OverloadedError ServiceUnavailable ServiceUnavailableError",
    "ContextOverflow": "ContextWindowExceededError ContextLengthExceeded ContextWindowExceeded",
    "ContentFiltered": "ContentPolicyViolationError ContentFilterError ContentFilterFinishReasonError",
    "QuotaError": "InsufficientQuota QuotaExceeded InsufficientQuotaError",
    "BudgetExceeded": "BudgetExceededError",
    "DecodeError": "APIResponseValidationError JSONSchemaValidationError",
    "ObjectInvalid": "ValidationError OutputParserException ObjectInvalidError InstructorRetryException",
    "StepLimit": "MaxTurnsExceeded UsageLimitExceeded GraphRecursionError",
    "ToolFailed": "ToolException ToolError ToolExecutionError",
    "InvalidOption": "UnsupportedParamsError",
    "MissingKey": "MissingAPIKey MissingApiKey APIKeyMissing NoKey",
    "StepwellError": "OpenAIError AnthropicError Error BaseError StepwellException",
}
ERRORS: Final[Mapping[str, str]] = {name: ours for ours, names in _ERRORS.items() for name in names.split()}
"""Our errors by their names in other libraries."""
TIMEOUTS: Final = "which catches all: TotalTimeout, FirstEventTimeout, StreamIdleTimeout, ConnectTimeout are its kinds"
"""What is said of it to those who look for the error of any timeout."""
