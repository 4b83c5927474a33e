"""Errors that a checker must find: each line below has one error, and no other line has any."""

from collections.abc import Generator
from typing import Any

import stepwell
from stepwell import AsyncClient, Client, Deps
from stepwell.chunks import StreamChunk
from stepwell.declare import declare_provider, extending, openai_chat
from stepwell.embeddings import Embedder
from stepwell.errors import BudgetExceeded
from stepwell.llm import LLM
from stepwell.steps import CallNext, Request, Response, Sleep, StepGenerator, gather
from stepwell.testing import Cassette

client = Client()
URL = "https://a.example"


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


def nothing() -> None:
    print()


def named(request: Request) -> str:
    raise NotImplementedError


def dropped(response: Response) -> None:
    print(response)


def worded(chunk: StreamChunk) -> str:
    raise NotImplementedError


async def waited(request: Request) -> Request:
    raise NotImplementedError


async def awaited(request: Request, call: CallNext) -> Response:
    raise NotImplementedError


def counted(request: Request, call: CallNext) -> StepGenerator:
    response = yield from call(request)
    return response.status  # error: a Response or a Reply


def several(prompts: list[str]) -> Generator[Any, Any, str]:
    answers = yield from gather([length(each) for each in prompts])
    return str(answers[0].bit_length())  # error: it may be an Exception


def length(prompt: str) -> Generator[Any, Any, int]:
    yield Sleep(0.1)
    return len(prompt)


stepwell.on_request(named)  # error: a Request, a Reply or Halt
stepwell.on_request(waited)  # error: not async
stepwell.on_response(dropped)  # error: it returns the response
stepwell.on_error(named)  # error: it gets the error, too
stepwell.on_chunk(worded)  # error: chunks or None
stepwell.on_chunk("word", str)  # error: no Stage
stepwell.around(awaited)  # error: not async
print(client.run_workflow(several(["hi"])).no_such)  # error: a string
print(client.read_workflow(several(["hi"])).result.no_such)  # error: a string
for result in client.map(["a"]):
    print(result.no_such)  # error: a MapResult
declare_provider("a", wire=openai_chat, base_rul=URL)  # error: no such field
declare_provider("a", wire=openai_chat, base_url=3)  # error: an address
declare_provider("a", wire=openai_chat, base_url=URL, auth="bearer")  # error: a function
declare_provider("a", wire=openai_chat, base_url=URL, options=["tier"])  # error: schemas by name
declare_provider("a", wire=openai_chat, base_url=URL, build_body=nothing)  # error: it gets the request
declare_provider("a", wire=openai_chat, base_url=URL, decode_response=nothing)  # error: it gets data and model
declare_provider("a", wire=openai_chat, base_url=URL, extract_usage=nothing)  # error: it gets data and model
declare_provider("a", wire=openai_chat, base_url=URL, attach=nothing)  # error: it gets pipeline and provider
declare_provider("a", wire=openai_chat, base_url=URL, embed_batches={"*": 3})  # error: an EmbedLimit
stepwell.override("a", init_stream_state=nothing)  # error: it gets the model
stepwell.override("a", build_body=extending(nothing))  # error: it gets the step in force
Cassette("a.json", record="sometimes")  # error: one of a few words
stepwell.Context([3])  # error: no message
try:
    client.generate_text("openai:gpt-4o", "hi")
except BudgetExceeded as error:
    print(error.needed.no_such)  # error: an amount
