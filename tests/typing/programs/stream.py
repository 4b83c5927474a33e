"""A chunk's class, or its `type`, determines its fields."""

from typing import assert_type

import stepwell
from stepwell.chunks import Finish, ReasoningDelta, TextDelta, ToolCallStart, UsageUpdate
from stepwell.errors import StreamTruncated

with stepwell.stream_text("openai:gpt-4o", "hi") as stream:
    try:
        for chunk in stream:
            if chunk.type == "text":
                assert_type(chunk, TextDelta)
                print(chunk.text)
            elif chunk.type == "reasoning":
                assert_type(chunk, ReasoningDelta)
            elif chunk.type == "tool_call_start":
                assert_type(chunk, ToolCallStart)
                print(chunk.id, chunk.name)
            elif chunk.type == "usage":
                assert_type(chunk, UsageUpdate)
            elif chunk.type == "finish":
                assert_type(chunk, Finish)
                print(chunk.reason)
    except StreamTruncated as error:
        print(error.partial.text if error.partial else "", error.usage)


async def main() -> None:
    async with stepwell.AsyncClient() as client, client.stream_text("openai:gpt-4o", "hi") as answer:
        async for chunk in answer:
            if chunk.type == "text":
                print(chunk.text)
        print((await answer.reply()).finish_reason)


with stepwell.stream_tools("openai:gpt-4o", "hi", []) as loop:
    for item in loop:
        if item.type == "text":
            print(item.text)
        elif item.type == "tool_run":
            print(item.call.name, item.content)
