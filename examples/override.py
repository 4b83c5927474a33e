"""Override: replace one step for a model, a pattern of models or a provider, and leave the rest as it is."""

import stepwell
from stepwell.declare import openai_chat

options = {"temperature": 0, "seed": 1, "max_tokens": 25}
client = stepwell.Client()


# 1. For models that match, in this client (stepwell.override does it for the whole process).
def with_manners(request):
    """Build the body of a chat completion with a system message of our own at the front."""
    body = openai_chat.build_body(request)
    body["messages"].insert(0, {"role": "system", "content": "You are a pirate. Answer like one."})
    return body


client.override("local:smol*", wire="openai_chat", build_body=with_manners)
print("build_body:", client.generate_text("local:smollm2", "Say hello.", **options).text)


# 2. For a provider of your own: a copy of a known one with another step.
def careful(options, model):
    """Return the changed options and the warnings for the caller."""
    return {**options, "max_tokens": min(options.get("max_tokens", 8), 8)}, [("max_tokens", "8 are enough here")]


stepwell.register(stepwell.provider("local").with_steps(translate_options=careful))
reply = stepwell.generate_text("local:smollm2", "Say hello.", **options)
print("translate_options:", reply.text, [str(warning) for warning in reply.warnings])

# 3. A generic step of the pipeline, for every call of a client.
client.pipeline = client.pipeline.replace("retry", stepwell.around("retry", lambda request, call: call(request)))
print(client.pipeline_for("local:smollm2").describe())
client.close()
