"""Objects: an instance of a class as the answer, complete or streamed."""

from enum import Enum
from typing import Annotated

from attrs import frozen

import stepwell


class Meal(Enum):
    BREAKFAST = "breakfast"
    LUNCH = "lunch"
    DINNER = "dinner"


@frozen
class Ingredient:
    name: str
    grams: int


@frozen
class Recipe:
    """A recipe with its ingredients."""

    title: str
    meal: Meal
    ingredients: Annotated[list[Ingredient], "what goes into it", {"minItems": 2, "maxItems": 3}]


STEADY = {"temperature": 0, "seed": 1, "max_tokens": 400}

reply = stepwell.generate_object("local:smollm2", "A short recipe for pancakes, please.", Recipe, **STEADY)
recipe = reply.object
print(f"{recipe.title}, for {recipe.meal.value}")
for ingredient in recipe.ingredients:
    print(f"  {ingredient.grams} g {ingredient.name}")
print(f"mode: {reply.metadata['object_mode']}, in {reply.usage.output_tokens} tokens\n")

print("The same, streamed:")
shown = 0
for partial in stepwell.stream_object("local:smollm2", "A short recipe for pancakes.", Recipe, **STEADY):
    if isinstance(partial, dict) and len(str(partial)) > shown + 40:
        shown = len(str(partial))
        print(f"  {partial}")
print(f"  {partial!r}\n")

answer = stepwell.generate_object("local:smollm2", "Are pancakes eaten with syrup? yes or no?", bool, **STEADY)
print(f"A bare value: {answer.object!r}")
