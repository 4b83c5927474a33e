"""A tour on the embedded model: a streamed answer, a tool call, usage, and the pipeline."""

import stepwell
from stepwell.providers.local import install

install.install()  # once, with a message; the file stays in your cache
STEADY = {"temperature": 0, "seed": 1}

print("A streamed answer:")
with stepwell.stream_text(
    "local:smollm2", "Explain in two sentences why the sky is blue.", max_tokens=80, **STEADY
) as stream:
    for text in stream.text_deltas():
        print(text, end="", flush=True)
usage = stream.reply().usage
print(f"\n({usage.input_tokens} tokens read, {usage.output_tokens} written, finished by {stream.finish_reason!r})")

weather = stepwell.Tool(
    "get_weather",
    "The current weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
)
print("\nA tool call:")
reply = stepwell.generate_text("local:smollm2", "What is the weather in Paris?", tools=[weather], **STEADY)
call = reply.tool_calls[0]
print(f"the model calls {call.name}({call.arguments})")
reply = stepwell.generate_text(
    "local:smollm2",
    reply.context.append(stepwell.tool_result(call, "The weather in Paris is sunny, 21 degrees Celsius.")),
    max_tokens=40,
    **STEADY,
)
print(f"and answers: {reply.text}")
print(f"cost: {reply.cost.total if reply.cost.total is not None else reply.cost.reason}")

print("\nThe pipeline that each call ran through, from the outside in:")
print(stepwell.pipeline_for("local:smollm2").describe())

print("\nNext, ask it something yourself, or see what else there is:")
print('  .venv/bin/stepwell ask local:smollm2 "What is the capital of Italy? Answer in one sentence."')
print("  .venv/bin/stepwell models --reasoning --tools --max-input-price 1")
