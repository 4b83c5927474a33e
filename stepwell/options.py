"""The options of each operation as TypedDicts, for `**options: Unpack[ChatOptions]` in functions of your own.

Written by `python -m tools.api` from the tables in schemas/options.py; change those, not this file.
None means not given, for every option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from .pipeline.edits import PipelineEdits
from .pipeline.http.timeouts import Timeouts
from .pipeline.pipeline import Pipeline
from .pipeline.step import Step
from .providers.declare.provider import Override
from .schemas.message import Context, MessageLike
from .schemas.model import Model
from .schemas.other_names import suggesting
from .schemas.secret import Secret
from .schemas.tool import Tool, ToolLike

ModelLike: TypeAlias = str | Model | None
"""A model: `provider:model-id`, a Model, or None for the default one."""

PromptLike: TypeAlias = Context | MessageLike | Iterable[MessageLike]
"""A prompt: text, a Context, one message or several, as Messages or in the dict form of OpenAI."""

Credential: TypeAlias = str | Secret | Mapping[str, object] | Callable[[], str]
"""A key, several under their names, or a function that returns one."""

StepLike: TypeAlias = Step | PipelineEdits | Callable[[Pipeline], Pipeline]
"""A step, or what edits a pipeline."""

PipelineLike: TypeAlias = Pipeline | StepLike | Iterable[StepLike]
"""A pipeline, or what changes the usual one."""


class CallOptions(TypedDict, total=False):
    """Options of every call, whatever the operation."""

    system: str | None
    """a system message put before the prompt"""
    timeout: Timeouts | float | None
    """seconds in all, or Timeouts(connect, first_event, idle, total)"""
    retries: int | None
    """how often to send again; 2 by default"""
    wire: str | None
    """use this wire format of the provider"""
    base_url: str | None
    """send to this URL instead; a host that is not the provider's needs an explicit api_key"""
    api_key: Credential | None
    """the credential; it takes precedence over all other sources"""
    headers: Mapping[str, str] | None
    """more request headers"""
    provider_options: Mapping[str, object] | None
    """the provider's own options; unknown ones are sent as given; may be keyed by provider id"""
    on_unsupported: Literal["warn", "error", "ignore"] | None
    """what to do with options the model lacks"""
    pipeline: PipelineLike | None
    """steps for this call: a Pipeline, edits of it, or steps to put around it"""
    overrides: Override | Sequence[Override] | None
    """single steps replaced for this call: override(build_body=...) of stepwell.declare, or a list; the last wins"""
    job: str | None
    """record it in the client's journal under this name, so that it goes on after a kill"""


class ObjectOptions(CallOptions, total=False):
    """Options of a call for an object."""

    temperature: float | None
    """randomness; 0 is the least"""
    top_p: float | None
    """nucleus sampling"""
    top_k: int | None
    """sample among the k likeliest tokens"""
    min_p: float | None
    """lowest likelihood relative to the best token"""
    max_tokens: int | None
    """most tokens in the answer, reasoning included where the provider counts it"""
    stop: str | Sequence[str] | None
    """text that ends the answer, one or several"""
    seed: int | None
    """repeatable sampling, as far as the provider can"""
    n: int | None
    """how many answers"""
    presence_penalty: float | None
    """penalty against any repetition, -2 to 2"""
    frequency_penalty: float | None
    """penalty against frequent repetition, -2 to 2"""
    repetition_penalty: float | None
    """multiplicative repetition penalty, 1 is none"""
    logit_bias: Mapping[str, float] | None
    """token id to bias"""
    logprobs: bool | None
    """log probabilities of the answer's tokens"""
    top_logprobs: int | None
    """how many alternatives with each"""
    parallel_tool_calls: bool | None
    """whether several calls may come in one answer"""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    """how hard to think"""
    reasoning_budget: int | None
    """most tokens to think with"""
    reasoning_summary: Literal["auto", "concise", "detailed", "none"] | None
    """show a summary of the thinking"""
    verbosity: Literal["low", "medium", "high"] | None
    """how wordy the answer is"""
    prompt_cache: bool | str | None
    """mark the prompt's stable prefix for the provider's cache: true, or '5m' or '1h'"""
    prompt_cache_key: str | None
    """requests with one key share the provider's cache"""
    service_tier: str | None
    """the provider's class of service"""
    user: str | None
    """an opaque id of your end user"""
    metadata: Mapping[str, object] | None
    """your own labels, kept by the provider"""
    modalities: Sequence[str] | None
    """kinds of output: text, audio, image"""
    audio: Mapping[str, object] | None
    """voice and format of spoken output"""
    store: bool | None
    """whether the provider keeps the answer"""
    previous_response_id: str | None
    """continue from an answer that the provider kept"""


class ToolLoopOptions(ObjectOptions, total=False):
    """Options of a tool loop, whose tools are an argument."""

    tool_choice: str | Tool | Mapping[str, object] | None
    """auto, none, required, a Tool, or {"name": ...}"""
    response_format: str | Mapping[str, object] | None
    """text, json, or {"type": "json_schema", "json_schema": {...}}"""


class ChatOptions(ToolLoopOptions, total=False):
    """Options of a chat call."""

    tools: Sequence[ToolLike] | None
    """tools that the model may call: Tools, functions, or dicts in the common chat form"""


class EmbedOptions(CallOptions, total=False):
    """Options of the operation 'embed'."""

    dimensions: int | None
    """length of the vectors"""
    kind: Literal["query", "document", "similarity", "classification", "clustering"] | None
    """what the text is embedded for"""
    encoding_format: Literal["float", "base64"] | None
    """how vectors are sent"""
    truncate: bool | str | None
    """what to do with texts that are too long"""
    user: str | None
    """an opaque id of your end user"""


class RerankOptions(CallOptions, total=False):
    """Options of the operation 'rerank'."""

    top_n: int | None
    """how many documents to return"""
    max_tokens_per_doc: int | None
    """read no more of a document"""
    truncate: bool | str | None
    """what to do with texts that are too long"""


class ImageOptions(CallOptions, total=False):
    """Options of the operation 'image'."""

    n: int | None
    """how many answers"""
    size: str | None
    """width and height in pixels: 1024x1024"""
    quality: str | None
    """the provider's quality level"""
    style: str | None
    """the provider's style"""
    background: str | None
    """transparent or opaque"""
    aspect_ratio: str | None
    """width to height: 16:9"""
    output_format: str | None
    """png, jpeg, webp; mp3, wav, opus"""
    response_format: str | None
    """the format of the answer, by the provider's name for it"""
    user: str | None
    """an opaque id of your end user"""


class SpeakOptions(CallOptions, total=False):
    """Options of the operation 'speak'."""

    voice: object | None
    """which voice speaks: its name, or the provider's description of one"""
    speed: float | None
    """speed of speech; 1 is normal"""
    output_format: str | None
    """png, jpeg, webp; mp3, wav, opus"""
    instructions: str | None
    """how to speak"""
    language: str | None
    """language of the audio, as an ISO code"""


class TranscribeOptions(CallOptions, total=False):
    """Options of the operation 'transcribe'."""

    language: str | None
    """language of the audio, as an ISO code"""
    prompt: str | None
    """words that a transcript may need"""
    temperature: float | None
    """randomness; 0 is the least"""
    response_format: str | None
    """the format of the answer, by the provider's name for it"""


class ModerateOptions(CallOptions, total=False):
    """Options of the operation 'moderate'."""


class OcrOptions(CallOptions, total=False):
    """Options of the operation 'ocr'."""

    pages: str | Sequence[int] | None
    """which pages to read, counted from 0"""
    include_image_base64: bool | None
    """return the images of a page with it"""
    image_limit: int | None
    """most images to return"""
    image_min_size: int | None
    """smallest image to return, in pixels"""
    bbox_annotation_format: Mapping[str, object] | None
    """JSON Schema of the annotation of each image"""
    document_annotation_format: Mapping[str, object] | None
    """JSON Schema of the annotation of the whole document"""
    document_annotation_prompt: str | None
    """what to look for in the document"""
    table_format: str | None
    """markdown or html"""
    extract_header: bool | None
    """return the pages' headers separately"""
    extract_footer: bool | None
    """return the pages' footers separately"""


class CountTokensOptions(CallOptions, total=False):
    """Options of the operation 'count_tokens'."""

    tools: Sequence[ToolLike] | None
    """tools that the model may call: Tools, functions, or dicts in the common chat form"""
    tool_choice: str | Tool | Mapping[str, object] | None
    """auto, none, required, a Tool, or {"name": ...}"""


class ListModelsOptions(CallOptions, total=False):
    """Options of the operation 'list_models'."""


__all__ = [
    "CallOptions",
    "ChatOptions",
    "CountTokensOptions",
    "Credential",
    "EmbedOptions",
    "ImageOptions",
    "ListModelsOptions",
    "ModelLike",
    "ModerateOptions",
    "ObjectOptions",
    "OcrOptions",
    "PipelineLike",
    "PromptLike",
    "RerankOptions",
    "Secret",
    "SpeakOptions",
    "StepLike",
    "Timeouts",
    "ToolLike",
    "ToolLoopOptions",
    "TranscribeOptions",
]


if not TYPE_CHECKING:  # for a type checker, any name would then exist
    __getattr__ = suggesting(__name__)
