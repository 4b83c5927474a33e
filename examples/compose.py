"""Compose: your own steps in the pipeline of every call, for sync, async and streamed calls alike."""

import re
import time

import stepwell
from stepwell.chunks import TextDelta


@stepwell.on_request
def hide_addresses(request):
    """Remove e-mail addresses from the prompt."""
    messages = [
        stepwell.Message(message.role, re.sub(r"\S+@\S+", "[address]", message.text)) for message in request.context
    ]
    return request.replace(context=stepwell.Context(messages, request.context.tools))


def stopwatch(request, call):
    """Measure the time of the rest of the pipeline, the network included."""
    started = time.perf_counter()
    response = yield from call(request)
    print(f"[{request.model} began to answer after {time.perf_counter() - started:.2f} s]")
    return response


@stepwell.on_chunk
def shout(chunk):
    """Change the answer, chunk by chunk."""
    return TextDelta(chunk.text.upper(), chunk.index) if isinstance(chunk, TextDelta) else None


client = stepwell.Client(pipeline=[shout, stepwell.around("stopwatch", stopwatch), hide_addresses])
options = {"max_tokens": 30, "temperature": 0, "seed": 1}

reply = client.generate_text("local:smollm2", "Write a greeting to ada@example.org.", **options)
print(reply.text)
print("sent:", reply.raw["usage"]["prompt_tokens"], "tokens, the address not among them")

for text in client.stream_text("local:smollm2", "Write a greeting to ada@example.org.", **options).text_deltas():
    print(text, end="", flush=True)
print()

# A different pipeline for one call only.
plain = client.pipeline_for("local:smollm2").without("shout")
print(client.generate_text("local:smollm2", "Say hello.", pipeline=plain, **options).text)
print(plain.describe())
client.close()
