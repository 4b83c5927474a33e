"""ReAct: tools for a model that was never taught to call them, in plain text, with the same run_tools as for any other.

A model of this size does not keep to a form by itself, so a step of our own holds it to one: first to an action, and
once it has seen a result, to an answer. Larger models need no such help.
"""

import stepwell

FORM = {
    "action": r"""root ::= "Thought: I have to look this up.\nAction: " ("population" | "area") "\nAction Input: " input
input ::= "{\"country\": \"" [A-Z] [a-z]+ "\"}" """,
    "answer": r"""root ::= "Thought: I know it now.\nAnswer: " [^\n]+ "." """,
}


@stepwell.tool
def population(country: str) -> str:
    """How many people live in a country."""
    return {"Norway": "5.6 million", "Iceland": "0.4 million"}.get(country, "unknown")


@stepwell.tool
def area(country: str) -> str:
    """How large a country is, in square kilometres."""
    return {"Norway": "385,000", "Iceland": "103,000"}.get(country, "unknown")


def keep_to_form(request: stepwell.steps.Request) -> stepwell.steps.Request:
    seen = request.context.messages[-1].text.startswith("Observation:")
    return request.replace(options={**request.options, "grammar": FORM["answer" if seen else "action"]})


with stepwell.Client(pipeline=stepwell.on_request("keep_to_form", keep_to_form)) as client:
    reply = client.run_tools(
        "local:smollm2",
        "How large is Norway?",
        [population, area],
        react=True,
        temperature=0,
        max_tokens=60,
    )
for message in reply.context.messages:
    for call in message.tool_calls:
        print(f"thought:  {message.reasoning}\ncalls:    {call.name}({call.arguments})")
    if message.role == "tool":
        print(f"result:   {message.text}")
print(f"answer:   {reply.text}")
print(f"in {len(reply.steps)} steps, with {reply.usage.total_tokens} tokens")
