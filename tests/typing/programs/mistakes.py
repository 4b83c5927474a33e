"""Errors that a checker must find: each line below has one error, and no other line has any."""

import stepwell
from stepwell import AsyncClient, Client

client = Client()


@stepwell.tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


client.generate_text("openai:gpt-4o", "hi", temprature=1)  # error: no such option
client.generate_text("openai:gpt-4o", "hi", temperature="hot")  # error: a number
client.generate_text("openai:gpt-4o", "hi", num_ctx=4096)  # error: a provider's own option
client.generate_text("openai:gpt-4o", "hi", reasoning_effort="utmost")  # error: one of a few words
stepwell.stream_text("openai:gpt-4o", "hi", dimensions=3)  # error: an option of another operation
stepwell.embed("openai:text-embedding-3-small", ["a"], dimension=3)  # error: no such option
client.run_tools("openai:gpt-4o", "hi", [], on_tool_error="ignore")  # error: one of a few words
stepwell.generate_object("openai:gpt-4o", "hi", int, mode="guess")  # error: one of a few words
len(stepwell.generate_object("openai:gpt-4o", "hi", int).object)  # error: an int has no length
Client(api_key="sk-1")  # error: no such setting
double("2")  # error: a tool keeps its signature
AsyncClient().generate_text("openai:gpt-4o", 5)  # error: no prompt
