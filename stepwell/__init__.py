"""Every call to a language-model provider as a pipeline of small named steps.

Names are loaded when first used: importing stepwell costs next to nothing and touches no network, file or logger.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "face": (
        "acount_tokens",
        "aembed",
        "agenerate_image",
        "agenerate_object",
        "agenerate_text",
        "alist_models",
        "amoderate",
        "aocr",
        "arerank",
        "arun_tools",
        "asubmit_batch",
        "abatch_job",
        "batch_job",
        "submit_batch",
        "aspeak",
        "astream_object",
        "astream_text",
        "astream_tools",
        "atranscribe",
        "count_tokens",
        "embed",
        "generate_image",
        "generate_object",
        "generate_text",
        "list_models",
        "moderate",
        "ocr",
        "override",
        "pipeline_for",
        "provider",
        "register",
        "rerank",
        "run_tools",
        "speak",
        "stream_object",
        "stream_text",
        "stream_tools",
        "transcribe",
    ),
    "batch.job": ("AsyncBatchJob", "BatchJob"),
    "caching": ("cache",),
    "client": ("AsyncClient", "Client"),
    "spending": ("CostReport", "cost_report"),
    "embedder.embedder": ("Embedder",),
    "embedder.result": ("Embeddings",),
    "embedder.vectors": ("similarity",),
    "retrieval.citations": ("citations",),
    "retrieval.context": ("retrieve_context",),
    "retrieval.fused": ("FusedRetriever", "RerankedRetriever"),
    "retrieval.node": ("Document", "Found", "Node"),
    "retrieval.retriever": ("Retriever",),
    "retrieval.vector": ("VectorRetriever",),
    "events": ("Event", "subscribe"),
    "llm.custom": ("CustomLLM",),
    "llm.llm": ("LLM",),
    "llm.structured": ("StructuredLLM",),
    "prompts": ("ChatTemplate", "PromptTemplate", "Slot"),
    "tools.call": ("ToolRun",),
    "tools.define": ("tool",),
    "tools.react": ("react_tools",),
    "schemas.message": ("Context", "Message", "assistant", "system", "tool_result", "user"),
    "schemas.parts": ("Audio", "File", "Image", "Opaque", "Reasoning", "Refusal", "Text", "ToolCall", "Video"),
    "model_metadata.catalog": ("Catalog", "models"),
    "schemas.tool": ("Tool",),
    "schemas.reply": ("CallWarning", "Reply"),
    "schemas.untrusted": ("untrusted",),
    "schemas.usage": ("Usage",),
    "schemas.model": ("Model",),
    "schemas.secret": ("Secret",),
    "schemas.errors": ("StepwellError",),
    "pipeline.pipeline": ("Pipeline",),
    "pipeline.edits": ("Edits",),
    "pipeline.steps.budget": ("Budget",),
    "pipeline.steps.circuit_breaker": ("circuit_breaker",),
    "pipeline.steps.concurrency": ("concurrency",),
    "pipeline.steps.fallback": ("fallback",),
    "pipeline.steps.rate_limit": ("RateLimit",),
    "pipeline.steps.fit_context": ("fit_context",),
    "pipeline.step": ("Halt", "around", "on_chunk", "on_error", "on_request", "on_response"),
    "pipeline.effects": ("Call", "Send", "Sleep"),
    "pipeline.request": ("Request",),
    "pipeline.response": ("Response",),
    "pipeline.stream": ("AsyncStream", "Stream"),
    "pipeline.timeouts": ("Timeouts",),
    "providers.dsl.provider": ("Provider", "declare_provider"),
    "providers.dsl.wire": ("Wire",),
    "providers.gateways.cloudflare": ("cloudflare_ai_gateway",),
    "providers.gateways.cloudflare_universal": ("cloudflare_fallback",),
}
_SUBMODULES = {"declare": ".declare", "errors": ".errors", "parsers": ".parsers", "testing": ".testing"}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AsyncBatchJob",
    "AsyncClient",
    "AsyncStream",
    "Audio",
    "BatchJob",
    "Budget",
    "Call",
    "CallWarning",
    "Catalog",
    "ChatTemplate",
    "Client",
    "Context",
    "CostReport",
    "CustomLLM",
    "Document",
    "Edits",
    "Embedder",
    "Embeddings",
    "Event",
    "File",
    "Found",
    "FusedRetriever",
    "Halt",
    "Image",
    "LLM",
    "Message",
    "Model",
    "Node",
    "Opaque",
    "Pipeline",
    "PromptTemplate",
    "Provider",
    "RateLimit",
    "Reasoning",
    "Refusal",
    "Reply",
    "Request",
    "RerankedRetriever",
    "Response",
    "Retriever",
    "Secret",
    "Send",
    "Sleep",
    "Slot",
    "StepwellError",
    "Stream",
    "StructuredLLM",
    "Text",
    "Timeouts",
    "Tool",
    "ToolCall",
    "ToolRun",
    "Usage",
    "VectorRetriever",
    "Video",
    "Wire",
    "abatch_job",
    "acount_tokens",
    "aembed",
    "agenerate_image",
    "agenerate_object",
    "agenerate_text",
    "alist_models",
    "amoderate",
    "aocr",
    "arerank",
    "around",
    "arun_tools",
    "aspeak",
    "assistant",
    "astream_object",
    "astream_text",
    "astream_tools",
    "asubmit_batch",
    "atranscribe",
    "batch_job",
    "cache",
    "circuit_breaker",
    "citations",
    "cloudflare_ai_gateway",
    "cloudflare_fallback",
    "concurrency",
    "cost_report",
    "count_tokens",
    "declare_provider",
    "embed",
    "fallback",
    "fit_context",
    "generate_image",
    "generate_object",
    "generate_text",
    "list_models",
    "models",
    "moderate",
    "ocr",
    "on_chunk",
    "on_error",
    "on_request",
    "on_response",
    "override",
    "pipeline_for",
    "provider",
    "react_tools",
    "register",
    "rerank",
    "retrieve_context",
    "run_tools",
    "similarity",
    "speak",
    "stream_object",
    "stream_text",
    "stream_tools",
    "submit_batch",
    "subscribe",
    "system",
    "tool",
    "tool_result",
    "transcribe",
    "untrusted",
    "user",
]


# For a type checker every name stands below: one that does not is an error there, as it is here.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _MODULE_OF:
            value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
            globals()[name] = value
            return value
        if name in _SUBMODULES:
            value = import_module(_SUBMODULES[name], __name__)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])


if TYPE_CHECKING:
    from . import declare as declare
    from . import errors as errors
    from . import parsers as parsers
    from . import testing as testing
    from .batch.job import AsyncBatchJob, BatchJob
    from .caching import cache
    from .client import AsyncClient, Client
    from .embedder.embedder import Embedder
    from .embedder.result import Embeddings
    from .embedder.vectors import similarity
    from .events import Event, subscribe
    from .face import (
        abatch_job,
        acount_tokens,
        aembed,
        agenerate_image,
        agenerate_object,
        agenerate_text,
        alist_models,
        amoderate,
        aocr,
        arerank,
        arun_tools,
        aspeak,
        astream_object,
        astream_text,
        astream_tools,
        asubmit_batch,
        atranscribe,
        batch_job,
        count_tokens,
        embed,
        generate_image,
        generate_object,
        generate_text,
        list_models,
        moderate,
        ocr,
        override,
        pipeline_for,
        provider,
        register,
        rerank,
        run_tools,
        speak,
        stream_object,
        stream_text,
        stream_tools,
        submit_batch,
        transcribe,
    )
    from .llm.custom import CustomLLM
    from .llm.llm import LLM
    from .llm.structured import StructuredLLM
    from .model_metadata.catalog import Catalog, models
    from .pipeline.edits import Edits
    from .pipeline.effects import Call, Send, Sleep
    from .pipeline.pipeline import Pipeline
    from .pipeline.request import Request
    from .pipeline.response import Response
    from .pipeline.step import Halt, around, on_chunk, on_error, on_request, on_response
    from .pipeline.steps.budget import Budget
    from .pipeline.steps.circuit_breaker import circuit_breaker
    from .pipeline.steps.concurrency import concurrency
    from .pipeline.steps.fallback import fallback
    from .pipeline.steps.fit_context import fit_context
    from .pipeline.steps.rate_limit import RateLimit
    from .pipeline.stream import AsyncStream, Stream
    from .pipeline.timeouts import Timeouts
    from .prompts import ChatTemplate, PromptTemplate, Slot
    from .providers.dsl.provider import Provider, declare_provider
    from .providers.dsl.wire import Wire
    from .providers.gateways.cloudflare import cloudflare_ai_gateway
    from .providers.gateways.cloudflare_universal import cloudflare_fallback
    from .retrieval.citations import citations
    from .retrieval.context import retrieve_context
    from .retrieval.fused import FusedRetriever, RerankedRetriever
    from .retrieval.node import Document, Found, Node
    from .retrieval.retriever import Retriever
    from .retrieval.vector import VectorRetriever
    from .schemas.errors import StepwellError
    from .schemas.message import Context, Message, assistant, system, tool_result, user
    from .schemas.model import Model
    from .schemas.parts import Audio, File, Image, Opaque, Reasoning, Refusal, Text, ToolCall, Video
    from .schemas.reply import CallWarning, Reply
    from .schemas.secret import Secret
    from .schemas.tool import Tool
    from .schemas.untrusted import untrusted
    from .schemas.usage import Usage
    from .spending import CostReport, cost_report
    from .tools.call import ToolRun
    from .tools.define import tool
    from .tools.react import react_tools
