"""Embeddings: texts are embedded in batches, equal texts once, and known texts come from the cache."""

import asyncio

from stepwell.embeddings import Embedder, aggregate, similarity

TEXTS = [
    "The cat sleeps on the warm sofa.",
    "A kitten is napping on the couch.",
    "Interest rates rose by half a percent.",
    "The cat sleeps on the warm sofa.",  # an equal text is sent once
]

embedder = Embedder("local:smollm2", cache="vectors.sqlite", batch_size=2)
first = embedder.embed_documents(TEXTS)
print(f"{len(first)} vectors of {first.dimensions} numbers, {first.calls} calls, {first.usage.input_tokens} tokens")

# A new Embedder, in this process or another, finds them in the file; only new texts are sent.
again = Embedder("local:smollm2", cache="vectors.sqlite").embed_documents([*TEXTS, "Dogs bark at night."])
print(f"again: {again.cached} of {again.cached + 1} texts from the cache, {again.usage.input_tokens} tokens")

print(f"the first two texts are alike: {similarity(first[0], first[1]):.2f}")
print(f"the first and the third less:  {similarity(first[0], first[2]):.2f}")
print(f"their distance, negative:      {similarity(first[0], first[2], mode='euclidean'):.2f}")
print(f"the mean of all begins with:   {aggregate(first)[0]:.3f}")

vector = asyncio.run(embedder.aembed_query("Where is the cat sleeping?"))
nearest = max(range(len(TEXTS)), key=lambda at: similarity(vector, first[at]))
print(f"nearest to the question:       {TEXTS[nearest]}")
