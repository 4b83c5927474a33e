"""LangChain on stepwell: a chain, a stream, a tool and embeddings, all on the embedded model."""

from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

from stepwell.integrations.langchain import ChatStepwell, StepwellEmbeddings

chat = ChatStepwell(model="local:smollm2", temperature=0, seed=1, max_tokens=40)

print("A chain:")
chain = ChatPromptTemplate.from_template("Name one thing that is {adjective}.") | chat | StrOutputParser()
print(chain.invoke({"adjective": "blue"}))

print("\nA stream:")
for chunk in chat.stream("Say hello in one sentence."):
    print(chunk.text, end="", flush=True)


@tool
def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return f"It is sunny in {city}, with 21 degrees."


print("\n\nA tool call, and the answer that its result leads to:")
with_tools = chat.bind_tools([get_weather])
question = HumanMessage("What is the weather in Paris?")
called = with_tools.invoke([question])
results = [get_weather.invoke(call) for call in called.tool_calls]
print([f"{call['name']}({call['args']})" for call in called.tool_calls])
answer = with_tools.invoke([question, called, *results])
print(answer.text, answer.usage_metadata)

print("\nEmbeddings:")
vectors = StepwellEmbeddings(model="local:smollm2").embed_documents(["a cat", "a dog"])
print(f"{len(vectors)} vectors of {len(vectors[0])} numbers")
