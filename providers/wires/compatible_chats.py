"""The responses and messages of servers that speak the formats of OpenAI and Anthropic beside their own.

A call uses them where it names them: `wire="openai_responses"`, `wire="anthropic_messages"`.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...pipeline.http.request import Request
from ..auth.auth import Auth
from ..declare.object_support import ObjectSupport, never_strict
from ..declare.wire import Wire
from .anthropic_messages import anthropic_messages
from .openai_responses import openai_responses

_OF_STORED = frozenset(("store", "previous_response_id"))


def compatible_responses(*, stores: bool = False, encrypts: bool = False, path: str = "/responses") -> Wire:
    """Return the wire of a server that has OpenAI's responses.

    stores: whether it keeps answers, so that a call can go on from one (`store`, `previous_response_id`).
    encrypts: whether it sends the model's reasoning encrypted when asked, so that it can be sent back.
    path: the path of its endpoint.
    """
    left_out = ({"store"} if not stores else set()) | ({"include"} if not encrypts else set())

    def build_body(request: Request) -> dict[str, Any]:
        body: dict[str, Any] = openai_responses.build_body(request)
        return {name: value for name, value in body.items() if name not in left_out}

    options = openai_responses.options if stores else openai_responses.options - _OF_STORED
    own_ids = openai_responses.conversation_id_options if stores else frozenset()
    return evolve(
        openai_responses,
        build_body=build_body,
        options=options,
        conversation_id_options=own_ids,
        path=path,
        by_name_only=True,
    )


def llama_responses_body(request: Request) -> dict[str, Any]:
    """Build the body of a response request for llama.cpp, with the answer's format in the chat completion's field.

    It reads the format only there, whatever the endpoint.
    """
    body: dict[str, Any] = openai_responses.build_body(request)
    text_format = body.get("text", {}).pop("format", None)
    if text_format:
        schema = {name: value for name, value in text_format.items() if name != "type"}
        body["response_format"] = {"type": text_format["type"], "json_schema": schema}
    return {name: value for name, value in body.items() if name not in ("store", "include")}


# https://github.com/ggml-org/llama.cpp/tree/master/tools/server#post-v1responses-openai-compatible-responses-api
LLAMA_RESPONSES = evolve(compatible_responses(), build_body=llama_responses_body)


# They take `output_config.format` and pass over it: seen at llama.cpp's server; the others document no such field.
_NO_FORMATS = ObjectSupport(modes=("tool", "prompt"), strict_tools=never_strict)


def compatible_messages(
    path: str = "/messages", *, auth: Auth = anthropic_messages.auth, formats: bool = False
) -> Wire:
    """Return the wire of a server that has Anthropic's messages at this path.

    auth: puts the key into the request; by default into the header that Anthropic has for it.
    formats: whether it enforces a schema for the answer (`output_config`); else objects are requested by a tool.
    """
    support = anthropic_messages.object_support if formats else _NO_FORMATS
    return evolve(anthropic_messages, path=path, auth=auth, object_support=support, by_name_only=True)
