"""Fit the results of tools to what a family of models takes of them.

The status of a result is for Claude and Nova:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html

Images inside of a result are for Claude, Nova and Llama 4:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultContentBlock.html, and for other models
https://github.com/anomalyco/opencode/issues/49443. Llama and Mistral refuse a turn that has words beside results:
https://github.com/browser-use/browser-use/issues/710
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from attrs import evolve

from ....model_metadata.ids import named_family
from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.parts import Image, Text
from ...history.shape import BRIDGED
from ..calls import error_as_text
from ..turns import BRIDGE_TEXT, media_after_results

_WITH_IMAGES = _WITH_STATUS = ("", "claude", "nova")
_WITHOUT_WORDS = ("llama", "mistral")
_IS_ERROR = attrgetter("is_error")


def fit_tool_results(request: Request) -> Request:
    """Move images out of results, and put an answer between results and what follows them, where the model's family
    needs it. Each change is a warning."""
    id, messages = request.model.id, request.context.messages
    family = named_family(id)
    if family not in _WITH_IMAGES and "llama4" not in id and any(map(_has_image, messages)):
        messages = tuple(media_after_results(messages, (Image,)))
        request = request.warn("history", "images in the result of a tool were moved to a message of the user after it")
    if family not in _WITH_STATUS and any(map(_IS_ERROR, messages)):
        messages = tuple(error_as_text(each) if each.is_error else each for each in messages)
    if family in _WITHOUT_WORDS and len(bridged := tuple(_bridged(messages))) > len(messages):
        messages = bridged
        request = request.warn("history", BRIDGED)
    if messages is request.context.messages:
        return request
    return request.replace(context=evolve(request.context, messages=messages))


def _has_image(message: Message) -> bool:
    return message.role == "tool" and any(isinstance(part, Image) for part in message.content)


def _bridged(messages: Sequence[Message]) -> Iterator[Message]:
    before = ""
    for message in messages:
        if before == "tool" and message.role == "user":
            yield Message("assistant", (Text(BRIDGE_TEXT),))
        yield message
        before = before if message.role == "system" else message.role
