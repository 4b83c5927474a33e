"""LlamaIndex on stepwell: a question answered from notes by a query engine, all on the embedded model."""

from llama_index.core import Document, VectorStoreIndex

from stepwell.integrations.llama_index import StepwellEmbedding, StepwellLLM

llm = StepwellLLM(model="local:smollm2", temperature=0, seed=1, max_tokens=40)
notes = ["Fresh bread comes out of the oven at five.", "Cats sleep for most of the day."]

index = VectorStoreIndex.from_documents(
    [Document(text=note) for note in notes], embed_model=StepwellEmbedding(model="local:smollm2")
)
answer = index.as_query_engine(llm=llm, similarity_top_k=1).query("How long do cats sleep?")
print(f"From the note {answer.source_nodes[0].text!r}:")
print(answer)

print("\nThe same model, streamed:")
for piece in llm.stream_complete("Say hello in one sentence."):
    print(piece.delta, end="", flush=True)
print()
