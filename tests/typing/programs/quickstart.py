"""A first call, a stream, a conversation and a custom client, sync and async."""

import asyncio
from decimal import Decimal
from typing import assert_type

import httpx2

import stepwell
from stepwell import AsyncClient, Client, Context, Reply, Timeouts

reply = stepwell.generate_text("local:smollm2", "Say hello.", temperature=0, max_tokens=40, stop=["END"])
assert_type(reply.text, str)
assert_type(reply.cost.total, Decimal | None)
print(reply.usage.output_tokens, reply.finish_reason, [warning.why for warning in reply.warnings])

with stepwell.stream_text("local:smollm2", [{"role": "user", "content": "Why?"}], reasoning_effort="low") as stream:
    for text in stream.text_deltas():
        print(text, end="")
print(stream.reply().usage)

context: Context = reply.context.append("And now in French, please.")
vectors = stepwell.embed("openai:text-embedding-3-small", ["a", "b"], dimensions=256, kind="query").embeddings
assert_type(vectors, list[list[float]])


def longest(replies: list[Reply]) -> str:
    return max((each.text for each in replies), key=len)


async def main() -> None:
    async with AsyncClient(timeout=Timeouts(total=30), api_keys={"openai": "test"}, retries=0) as client:
        answers = await asyncio.gather(*(client.generate_text(None, f"Count to {n}.") for n in (2, 3)))
        print(longest(list(answers)))
        async for piece in client.stream_text(None, "Say hello.", max_tokens=20).text_deltas():
            print(piece)
        counted = await client.count_tokens("anthropic:claude-haiku-4-5", context)
        assert_type(counted.usage.input_tokens, int | None)
    print((await stepwell.agenerate_text(None, context, provider_options={"openai": {"store": False}})).text)


with Client(base_urls={"openai": "http://localhost:8000/v1"}, pipeline=stepwell.Budget("2.50")) as client:
    client.generate_text("openai:gpt-4o", context, on_unsupported="error", timeout=5)
    best: float = client.rerank("cohere:rerank-v3.5", "q", ["a"], top_n=1).ranking[0].score
Client(http=httpx2.Client()), AsyncClient(http=httpx2.AsyncClient())
asyncio.run(main())
