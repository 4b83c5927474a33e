"""The public names, for type checkers. Written by `python -m tools.api` from the list in __init__.py."""

from . import (
    batch as batch,
    catalog as catalog,
    chunks as chunks,
    costs as costs,
    declare as declare,
    embeddings as embeddings,
    errors as errors,
    events as events,
    integrations as integrations,
    llm as llm,
    messages as messages,
    options as options,
    parsers as parsers,
    retrieval as retrieval,
    steps as steps,
    stores as stores,
    testing as testing,
    transports as transports,
)
from .api import Client as Client
from .async_api import AsyncClient as AsyncClient
from .caching import cache as cache
from .catalog import models as models
from .functions import (
    abatch_job as abatch_job,
    acount_tokens as acount_tokens,
    aembed as aembed,
    agenerate_image as agenerate_image,
    agenerate_object as agenerate_object,
    agenerate_text as agenerate_text,
    alist_models as alist_models,
    amoderate as amoderate,
    aocr as aocr,
    arerank as arerank,
    arun_tools as arun_tools,
    aspeak as aspeak,
    astream_object as astream_object,
    astream_text as astream_text,
    astream_tools as astream_tools,
    asubmit_batch as asubmit_batch,
    atranscribe as atranscribe,
    batch_job as batch_job,
    count_tokens as count_tokens,
    embed as embed,
    generate_image as generate_image,
    generate_object as generate_object,
    generate_text as generate_text,
    list_models as list_models,
    moderate as moderate,
    ocr as ocr,
    pipeline_for as pipeline_for,
    rerank as rerank,
    run_tools as run_tools,
    speak as speak,
    stream_object as stream_object,
    stream_text as stream_text,
    stream_tools as stream_tools,
    submit_batch as submit_batch,
    transcribe as transcribe,
)
from .journal.jobs import jobs as jobs
from .pipeline.around import around as around
from .pipeline.http.timeouts import Timeouts as Timeouts
from .pipeline.on_chunk import on_chunk as on_chunk
from .pipeline.on_outcome import on_error as on_error, on_response as on_response
from .pipeline.step import on_request as on_request
from .pipeline.steps.budget import Budget as Budget
from .pipeline.steps.fallback import fallback as fallback
from .pipeline.steps.rate_limit import RateLimit as RateLimit
from .pipeline.stream.stream import AsyncStream as AsyncStream, Stream as Stream
from .registration import override as override, provider as provider, register as register, unregister as unregister
from .schemas.deps import Deps as Deps
from .schemas.errors import StepwellError as StepwellError
from .schemas.message import (
    Context as Context,
    Message as Message,
    assistant as assistant,
    system as system,
    tool_result as tool_result,
    user as user,
)
from .schemas.parts import File as File, Image as Image
from .schemas.reply import Reply as Reply
from .schemas.tool import Tool as Tool
from .workflows.tools.define import tool as tool

__version__: str
