"""All that is needed to write a step, and the steps that come with the package."""

from typing import TYPE_CHECKING

from .caching import cache
from .pipeline.around import around
from .pipeline.edits import PipelineEdits
from .pipeline.effects import (
    CallModel,
    CallNext,
    Cancelled,
    Close,
    Emit,
    Flow,
    Read,
    Run,
    Send,
    Sleep,
    StartTask,
    StepGenerator,
    StopTasks,
    Wait,
    in_thread,
)
from .pipeline.http.request import Request, StateKey
from .pipeline.http.response import Response, Stage
from .pipeline.key_value import KeyValueStore
from .pipeline.on_chunk import on_chunk
from .pipeline.on_outcome import on_error, on_response
from .pipeline.pipeline import Pipeline, other_pipeline
from .pipeline.signal import Signal, Task
from .pipeline.single_flight import SingleFlight
from .pipeline.step import Halt, Step, on_request
from .pipeline.steps.always_stream import always_stream
from .pipeline.steps.budget import Budget
from .pipeline.steps.circuit_breaker import circuit_breaker
from .pipeline.steps.concurrency import concurrency
from .pipeline.steps.continue_stream import continue_stream
from .pipeline.steps.fallback import fallback
from .pipeline.steps.fit_context import fit_context
from .pipeline.steps.rate_limit import RateLimit
from .pipeline.steps.redact import redact
from .pipeline.steps.retry import retry
from .pipeline.steps.round_robin import alloy, round_robin
from .pipeline.steps.shared import LimitStore
from .pipeline.stream.chunk_reader import ChunkReader
from .pipeline.stream.own_chunks import streamed_response
from .pipeline.tasks import gather, performing, race
from .pipeline.world import World
from .providers.gateways.cloudflare import cloudflare_ai_gateway
from .providers.gateways.cloudflare_universal import cloudflare_fallback
from .providers.text_calls.forms import FORMS as TEXT_CALL_FORMS
from .providers.text_calls.step import read_text_calls
from .retrieval.context import retrieve_context
from .schemas.other_names import suggesting
from .workflows.tools.react import react_tools

__all__ = [
    "TEXT_CALL_FORMS",
    "Budget",
    "CallModel",
    "CallNext",
    "Cancelled",
    "ChunkReader",
    "Close",
    "Emit",
    "Flow",
    "Halt",
    "KeyValueStore",
    "LimitStore",
    "Pipeline",
    "PipelineEdits",
    "RateLimit",
    "Read",
    "Request",
    "Response",
    "Run",
    "Send",
    "Signal",
    "SingleFlight",
    "Sleep",
    "Stage",
    "StartTask",
    "StateKey",
    "Step",
    "StepGenerator",
    "StopTasks",
    "Task",
    "Wait",
    "World",
    "alloy",
    "always_stream",
    "around",
    "cache",
    "circuit_breaker",
    "cloudflare_ai_gateway",
    "cloudflare_fallback",
    "concurrency",
    "continue_stream",
    "fallback",
    "fit_context",
    "gather",
    "in_thread",
    "on_chunk",
    "on_error",
    "on_request",
    "on_response",
    "other_pipeline",
    "performing",
    "race",
    "react_tools",
    "read_text_calls",
    "redact",
    "retrieve_context",
    "retry",
    "round_robin",
    "streamed_response",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
