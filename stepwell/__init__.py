"""Every call to a language-model provider as a pipeline of small named steps.

Names are loaded when first used: importing stepwell costs next to nothing and touches no network, file or logger.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

PUBLIC = {
    "functions": (
        *("generate_text", "stream_text", "generate_object", "stream_object", "run_tools", "stream_tools"),
        *("embed", "rerank", "generate_image", "transcribe", "speak", "moderate", "ocr", "count_tokens"),
        *("list_models", "submit_batch", "batch_job", "pipeline_for"),
        *("agenerate_text", "astream_text", "agenerate_object", "astream_object", "arun_tools", "astream_tools"),
        *("aembed", "arerank", "agenerate_image", "atranscribe", "aspeak", "amoderate", "aocr", "acount_tokens"),
        *("alist_models", "asubmit_batch", "abatch_job"),
    ),
    "api": ("Client",),
    "async_api": ("AsyncClient",),
    "registration": ("override", "provider", "register", "unregister"),
    "caching": ("cache",),
    "workflows.tools.define": ("tool",),
    "journal.jobs": ("jobs",),
    "catalog": ("models",),
    "schemas.deps": ("Deps",),
    "schemas.message": ("Context", "Message", "assistant", "system", "tool_result", "user"),
    "schemas.parts": ("File", "Image"),
    "schemas.tool": ("Tool",),
    "schemas.reply": ("Reply",),
    "schemas.errors": ("StepwellError",),
    "pipeline.steps.budget": ("Budget",),
    "pipeline.steps.fallback": ("fallback",),
    "pipeline.steps.rate_limit": ("RateLimit",),
    "pipeline.around": ("around",),
    "pipeline.on_chunk": ("on_chunk",),
    "pipeline.on_outcome": ("on_error", "on_response"),
    "pipeline.step": ("on_request",),
    "pipeline.stream.stream": ("AsyncStream", "Stream"),
    "pipeline.http.timeouts": ("Timeouts",),
}
"""Every name at the top of the package, by the module that it is loaded from; others are in the modules below."""

MODULES = (
    *("batch", "catalog", "chunks", "costs", "declare", "embeddings", "errors", "events", "integrations", "llm"),
    *("messages", "options", "parsers", "retrieval", "steps", "stores", "testing", "transports"),
)

_MODULE_OF = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    value: object
    if name in _MODULE_OF:
        value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    elif name in MODULES:
        value = import_module(f".{name}", __name__)
    else:
        from .schemas.other_names import refuse_name  # only for a mistake

        refuse_name(__name__, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_MODULE_OF, *MODULES, *(name for name in globals() if name.startswith("__"))})
