"""The public names, for type checkers. Written by `python -m tools.api` from the list in __init__.py."""

from . import (
    batch as batch,
)
from . import (
    catalog as catalog,
)
from . import (
    chunks as chunks,
)
from . import (
    costs as costs,
)
from . import (
    declare as declare,
)
from . import (
    embeddings as embeddings,
)
from . import (
    errors as errors,
)
from . import (
    events as events,
)
from . import (
    integrations as integrations,
)
from . import (
    llm as llm,
)
from . import (
    messages as messages,
)
from . import (
    options as options,
)
from . import (
    parsers as parsers,
)
from . import (
    retrieval as retrieval,
)
from . import (
    steps as steps,
)
from . import (
    stores as stores,
)
from . import (
    testing as testing,
)
from . import (
    transports as transports,
)
from .api import (
    Client as Client,
)
from .async_api import (
    AsyncClient as AsyncClient,
)
from .caching import (
    cache as cache,
)
from .catalog import (
    models as models,
)
from .functions import (
    abatch_job as abatch_job,
)
from .functions import (
    acount_tokens as acount_tokens,
)
from .functions import (
    aembed as aembed,
)
from .functions import (
    agenerate_image as agenerate_image,
)
from .functions import (
    agenerate_object as agenerate_object,
)
from .functions import (
    agenerate_text as agenerate_text,
)
from .functions import (
    alist_models as alist_models,
)
from .functions import (
    amoderate as amoderate,
)
from .functions import (
    aocr as aocr,
)
from .functions import (
    arerank as arerank,
)
from .functions import (
    arun_tools as arun_tools,
)
from .functions import (
    aspeak as aspeak,
)
from .functions import (
    astream_object as astream_object,
)
from .functions import (
    astream_text as astream_text,
)
from .functions import (
    astream_tools as astream_tools,
)
from .functions import (
    asubmit_batch as asubmit_batch,
)
from .functions import (
    atranscribe as atranscribe,
)
from .functions import (
    batch_job as batch_job,
)
from .functions import (
    count_tokens as count_tokens,
)
from .functions import (
    embed as embed,
)
from .functions import (
    generate_image as generate_image,
)
from .functions import (
    generate_object as generate_object,
)
from .functions import (
    generate_text as generate_text,
)
from .functions import (
    list_models as list_models,
)
from .functions import (
    moderate as moderate,
)
from .functions import (
    ocr as ocr,
)
from .functions import (
    pipeline_for as pipeline_for,
)
from .functions import (
    rerank as rerank,
)
from .functions import (
    run_tools as run_tools,
)
from .functions import (
    speak as speak,
)
from .functions import (
    stream_object as stream_object,
)
from .functions import (
    stream_text as stream_text,
)
from .functions import (
    stream_tools as stream_tools,
)
from .functions import (
    submit_batch as submit_batch,
)
from .functions import (
    transcribe as transcribe,
)
from .journal.jobs import (
    jobs as jobs,
)
from .pipeline.around import (
    around as around,
)
from .pipeline.http.timeouts import (
    Timeouts as Timeouts,
)
from .pipeline.on_chunk import (
    on_chunk as on_chunk,
)
from .pipeline.on_outcome import (
    on_error as on_error,
)
from .pipeline.on_outcome import (
    on_response as on_response,
)
from .pipeline.step import (
    on_request as on_request,
)
from .pipeline.steps.budget import (
    Budget as Budget,
)
from .pipeline.steps.fallback import (
    fallback as fallback,
)
from .pipeline.steps.rate_limit import (
    RateLimit as RateLimit,
)
from .pipeline.stream.stream import (
    AsyncStream as AsyncStream,
)
from .pipeline.stream.stream import (
    Stream as Stream,
)
from .registration import (
    override as override,
)
from .registration import (
    provider as provider,
)
from .registration import (
    register as register,
)
from .registration import (
    unregister as unregister,
)
from .schemas.deps import (
    Deps as Deps,
)
from .schemas.errors import (
    StepwellError as StepwellError,
)
from .schemas.message import (
    Context as Context,
)
from .schemas.message import (
    Message as Message,
)
from .schemas.message import (
    assistant as assistant,
)
from .schemas.message import (
    system as system,
)
from .schemas.message import (
    tool_result as tool_result,
)
from .schemas.message import (
    user as user,
)
from .schemas.parts import (
    File as File,
)
from .schemas.parts import (
    Image as Image,
)
from .schemas.reply import (
    Reply as Reply,
)
from .schemas.tool import (
    Tool as Tool,
)
from .workflows.tools.define import (
    tool as tool,
)

__version__: str
