"""ReAct: tools for a model without tool support, in plain text, with the same run_tools as for any other model.

A model of this size does not keep to a form by itself, so a step restricts it with a grammar: first to an action, and
to an answer once it has seen a result. Larger models do not need this.
"""

import stepwell
from stepwell.steps import Request

FORM = {
    "action": r"""root ::= "Thought: I have to look this up.\nAction: " ("population" | "area") "\nAction Input: " input
input ::= "{\"country\": \"" [A-Z] [a-z]+ "\"}" """,
    "answer": r"""root ::= "Thought: I know it now.\nAnswer: " [^\n]+ "." """,
}


@stepwell.tool
def population(country: str) -> str:
    """Look up how many people live in a country."""
    return {"Norway": "5.6 million", "Iceland": "0.4 million"}.get(country, "unknown")


@stepwell.tool
def area(country: str) -> str:
    """Look up how large a country is, in square kilometres."""
    return {"Norway": "385,000", "Iceland": "103,000"}.get(country, "unknown")


def keep_to_form(request: Request) -> Request:
    observed = request.context.messages[-1].text.startswith("Observation:")
    own_options = {"grammar": FORM["answer" if observed else "action"]}
    return request.replace(options={**request.options, "provider_options": own_options})


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
