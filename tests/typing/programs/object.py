"""Objects have the type that was passed."""

from dataclasses import dataclass
from typing import Any, Literal, assert_type

import stepwell
from stepwell import Reply
from stepwell.llm import LLM


@dataclass
class City:
    name: str
    inhabitants: int


reply = stepwell.generate_object("openai:gpt-4o", "Name a city.", City, max_repairs=2, temperature=0)
assert_type(reply, Reply[City])
assert_type(reply.object, City)
assert_type(reply.object.name, str)
assert_type(stepwell.generate_object("openai:gpt-4o", "Name cities.", list[City]).object, list[City])
assert_type(stepwell.generate_object("openai:gpt-4o", "A number.", {"type": "integer"}).object, Any)
driver: Any = Literal["red", "green"]
print(stepwell.generate_object("openai:gpt-4o", "A paint.", driver, mode="json_schema").object)

with stepwell.stream_object("openai:gpt-4o", "Name a city.", City) as stream:
    for partial in stream:
        print(partial)
    assert_type(stream.reply().object, City)


async def main() -> None:
    async with stepwell.AsyncClient() as client:
        found = await client.generate_object("openai:gpt-4o", "Name a city.", City)
        assert_type(found.object, City)
        streamed = client.stream_object("openai:gpt-4o", "Name a city.", City)
        assert_type((await streamed.reply()).object, City)
    assert_type((await stepwell.agenerate_object("openai:gpt-4o", "Yes?", bool)).object, bool)
    assert_type(await llm.astructured_predict(City, "Name a city in {country}.", country="Norway"), City)
    async with llm.astream_structured_predict(City, "Name a city.") as growing:
        assert_type((await growing.reply()).object, City)


llm = LLM("openai:gpt-4o")
assert_type(llm.structured_predict(City, "Name a city in {country}.", country="Norway"), City)
assert_type(llm.structured_predict({"type": "integer"}, "A number."), Any)
assert_type(llm.stream_structured_predict(list[City], "Name cities.").reply().object, list[City])
