"""The LLM interface: one model with its settings, called in several ways, and a model of your own behind it."""

import asyncio
from typing import Literal, TypedDict

import stepwell
from stepwell.llm import LLM, CustomLLM
from stepwell.parsers import ListParser

llm = LLM("local:smollm2", system_prompt="You are brief.", temperature=0, seed=1, max_tokens=16)

# Messages, text, templates.
print(llm.chat([stepwell.user("Say hello.")]).text)
print(llm.predict("Translate into {language}: {text}", language="French", text="good day"))
for text in llm.stream("Why is the {thing} blue?", thing="sky"):
    print(text, end="", flush=True)
print()


# An output parser describes the form of the answer and parses it; a schema enforces it.
class Animal(TypedDict):
    name: str
    legs: int
    diet: Literal["plants", "meat"]


fruits = LLM("local:smollm2", output_parser=ListParser("numbered"), temperature=0, seed=1, max_tokens=30)
print(fruits.predict("Name three fruits."))
longer = llm.with_options(max_tokens=80)
print(longer.structured_predict(Animal, "Describe a {animal}.", animal="cow"))
animals = longer.as_structured(Animal)
print(asyncio.run(animals.achat("Describe an eagle.")).object)


# A model of your own: write how it answers; the other methods and the whole pipeline come with the class.
class Backwards(CustomLLM):
    """A model that repeats the prompt's words from the last to the first."""

    context_window = 1000

    def stream_complete(self, prompt, **options):
        for word in reversed(prompt.split()):
            yield word + " "


mine = Backwards()
print(mine.metadata.model_name, mine.metadata.context_window, mine.metadata.tools)
print(mine.complete("first things first").text)
print(asyncio.run(mine.apredict("{a} before {b}", a="age", b="beauty")))
print("|".join(mine.stream("one two three")))

stepwell.register(mine.provider)  # available in every client
print(stepwell.generate_text("backwards:any", "one two three").text)
print(stepwell.pipeline_for("backwards:any").describe())
