"""Retrieval: a question answered from retrieved notes, with numbered citations."""

from stepwell import Client
from stepwell.embeddings import Embedder
from stepwell.events import subscribe
from stepwell.retrieval import Document, Node, VectorRetriever, retrieve_context

MODEL = "local:smollm2"
STEADY = {"max_tokens": 40, "temperature": 0, "seed": 1}

# Notes in a file: those already there are not embedded again.
notes = VectorRetriever(Embedder(MODEL, cache="vectors.sqlite"), "notes.sqlite")
notes.add(
    [
        Document("The museum of ships is closed on Mondays. Children enter free of charge.", "museum.md"),
        Document("The ferry to the island leaves every two hours, the last one at half past ten.", "ferry.md"),
        Node("The library lends books for four weeks.", "library.md", {"lang": "en"}),
    ]
)

question = "On which day is the museum of ships closed?"
for found in notes.retrieve(question, top_k=2):
    print(f"found {found.source} with a score of {found.score:.2f}")

# A step in the pipeline of every call: it retrieves notes for the user's question and numbers them.
client = Client(pipeline=[retrieve_context(notes, top_k=1)])
unsubscribe = subscribe(lambda event: print(f"[{event.name} {event.phase}]"))
with client.stream_text(MODEL, question, **STEADY) as stream:
    for text in stream.text_deltas():
        print(text, end="", flush=True)
unsubscribe()
print()

reply = stream.reply()
cited = {note.number for note in reply.citations}
for note in reply.metadata["notes"]:
    how = "cited" if note["number"] in cited else "given"
    print(f"[{note['number']}] {note['source']}: {note['text']} ({how})")
print("the conversation holds no notes:", [message.text for message in reply.context])

# A note may have a target: another retriever, or a function that is called when the note is found.
notes.targets = {"opening hours": lambda query: "Today the museum is open from ten to six."}
notes.add(Node("What are the opening hours of the museum of ships?", "door.md", target="opening hours"))
print(notes.retrieve("What are the opening hours of the museum of ships today?", top_k=1)[0].text)
notes.close()
client.close()
