"""Tools keep their signatures, and a tool loop's stream is a union."""

from typing import assert_type

import stepwell
from stepwell import Deps, Tool
from stepwell.chunks import StreamChunk, TextDelta, ToolRun


@stepwell.tool
def weather(city: str) -> str:
    """Get the weather in a city now."""
    return f"It is sunny in {city}."


assert_type(weather("Paris"), str)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


reply = stepwell.run_tools("local:smollm2", "Weather in Paris?", [weather, add], tool_choice="required", max_steps=3)
print(reply.text, len(reply.steps), reply.usage.total_tokens)

with stepwell.stream_tools("local:smollm2", "Add 2 and 3.", [add], on_tool_error="raise") as stream:
    for item in stream:
        assert_type(item, StreamChunk | ToolRun)
        if isinstance(item, ToolRun):
            print(item.call.name, item.value)
        elif isinstance(item, TextDelta):
            print(item.text)

tools: list[Tool] = [weather]
stepwell.generate_text("openai:gpt-4o", "hi", tools=tools, tool_choice=weather, parallel_tool_calls=False)


class Database:
    def count(self, word: str) -> int:
        return len(word)


@stepwell.tool
def count(word: str, db: Deps[Database]) -> int:
    """Count the rows that have a word."""
    assert_type(db, Database)
    return db.count(word)


assert_type(count("x", Database()), int)
stepwell.run_tools("openai:gpt-4o", "hi", [count], deps=Database())
