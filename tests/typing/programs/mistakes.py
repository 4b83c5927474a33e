"""Errors that a checker must find: each line below has one error, and no other line has any."""

import stepwell
from stepwell import AsyncClient, Client, Deps
from stepwell.embeddings import Embedder
from stepwell.llm import LLM

client = Client()


@stepwell.tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@stepwell.tool
def shout(text: str, sign: Deps[str]) -> str:
    """Write a text in capitals."""
    return text.upper() + sign.no_such_method()  # error: it has the type that is given


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
Client("openai:gpt-4o")  # error: all settings have names
client.generate_text("openai:gpt-4o")  # error: no prompt
client.generate_text(prompt="hi")  # error: no model
stepwell.stream_text("hi")  # error: no prompt
AsyncClient().generate_object("openai:gpt-4o", "hi", response_model=int)  # error: no schema
stepwell.arun_tools("openai:gpt-4o", "hi")  # error: no tools
client.rerank("cohere:rerank-v3.5", "hi")  # error: no documents
client.map("openai:gpt-4o", ["a"])  # error: one argument without a name
double("2")  # error: a tool keeps its signature
shout("hi", 2)  # error: so does one with Deps
print(stepwell.Context("hi")[0].no_such_field)  # error: a Message
print(stepwell.Context("hi")[0:].role)  # error: a Context
stepwell.Reply().to_json().decode()  # error: it is text
AsyncClient().generate_text("openai:gpt-4o", 5)  # error: no prompt
Client(transport="requests")  # error: one of a few names
Client(http=Client())  # error: no HTTP client
client.override("groq:*", bild_body=str)  # error: no such step
stepwell.override("groq:*", bild_body=str)  # error: no such step
stepwell.override("groq:*", encode_body=len)  # error: a function that gives bytes
stepwell.provider("groq").with_steps(bild_body=str)  # error: no such step
stepwell.provider("groq").override("*", bild_body=str)  # error: no such step
LLM("openai:gpt-4o", temprature=1)  # error: no such option
LLM("openai:gpt-4o").chat("hi", temprature=1)  # error: no such option
LLM("openai:gpt-4o").predict_and_call([], "hi", max_stepps=1)  # error: no such option
LLM("openai:gpt-4o", object_mode="guess")  # error: one of a few words
Embedder("openai:text-embedding-3-small", dimension=3)  # error: no such option
