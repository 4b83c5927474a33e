"""Flows keep the types of their results, alone, together and as their items come; so do the results of a map."""

from collections.abc import Generator
from typing import Any, assert_type

from stepwell import AsyncClient, Client, Reply
from stepwell.chunks import StreamChunk
from stepwell.steps import CallModel, ChunkReader, Emit, Flow, Sleep, gather, performing, race


def count(prompt: str) -> Generator[Any, Any, int]:
    reply: Reply = yield CallModel("openai:gpt-4o", prompt, {"max_tokens": 20})
    return len(reply.text)


def shout(prompt: str) -> Generator[Any, Any, str]:
    reader: ChunkReader = yield CallModel("openai:gpt-4o", prompt, stream=True)
    while (chunks := (yield from reader.next())) is not None:
        assert_type(chunks, list[StreamChunk])
        for chunk in chunks:
            if chunk.type == "text":
                yield Emit(chunk.text.upper())
            elif chunk.type == "alternative" and chunk.chunk.type == "text":
                yield Emit(chunk.chunk.text)
    return reader.whole_reply().text


def both() -> Generator[Any, Any, list[int]]:
    answers = yield from gather([count("Name a city."), count("Name a fruit.")], limit=2)
    assert_type(answers, list[int | Exception])
    assert_type((yield from race([count("Name a city."), count("Name a fruit.")])), int)
    return [each for each in answers if not isinstance(each, Exception)]


def untyped(prompt: str) -> Flow:
    reply = yield from race([performing(CallModel("openai:gpt-4o", prompt)), performing(Sleep(30))])
    return reply and reply.text


client = Client()
assert_type(client.run_workflow(both()), list[int])
assert_type(client.run_workflow(gather([shout("hi")])), list[str | Exception])
print(client.run_workflow(untyped("hi")).upper())
with client.read_workflow(shout("hi")) as words:
    for word in words:
        print(word)
    assert_type(words.result, str)

items = [{"id": "r1", "text": "Lovely tea."}, {"id": "r2", "text": "The box was empty."}]
with client.map(items, model="openai:gpt-4o", prompt=lambda item: item["text"], key=lambda item: item["id"]) as run:
    for result in run:
        assert_type(result.text, str | None)
        print(result.index, result.item["text"], result.object, result.error)
assert_type(run.summary.errors["ConfigError"], int)


async def main() -> None:
    async with AsyncClient() as client:
        assert_type(await client.run_workflow(both()), list[int])
        async with client.read_workflow(shout("hi")) as words:
            async for word in words:
                print(word)
            assert_type(words.result, str)
        async for result in client.map(items, prompt="{text}"):
            assert_type(result.error, Exception | None)
