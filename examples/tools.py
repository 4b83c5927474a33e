"""A tool loop: the model calls two functions and gets their results until it has answered."""

from typing import Literal

import stepwell
from stepwell.messages import ToolCall

ROOMS = {"kitchen": 18.5, "study": 21.0}


@stepwell.tool
def temperature(room: Literal["kitchen", "study"]) -> float:
    """Measure the temperature in a room.

    Args:
        room: which room
    """
    return ROOMS[room]


@stepwell.tool(timeout=5)
async def heat(room: Literal["kitchen", "study"], degrees: int) -> str:
    """Heat a room.

    Args:
        room: which room
        degrees: how warm it should be, in degrees Celsius
    """
    ROOMS[room] = degrees
    return f"The {room} will soon have {degrees} degrees."


def ask_me(call: ToolCall) -> bool | str:
    """Approve a call; a real program would ask its user."""
    return True if call.arguments.get("degrees", 0) <= 24 else "That is too warm."


for question, wanted in [("How warm is it in the kitchen?", "temperature"), ("Heat the study to 22 degrees.", "heat")]:
    print(f"> {question}")
    stream = stepwell.stream_tools(
        "local:smollm2",
        question,
        [temperature, heat],
        approve=ask_me,
        tool_choice={"name": wanted},  # a model of this size needs the hint
        temperature=0,
        max_tokens=60,
    )
    for item in stream:
        if item.type == "text":
            print(item.text, end="", flush=True)
        elif item.type == "tool_run":
            print(f"[{item.call.name} {item.call.arguments_json} -> {item.content}]")
    reply = stream.reply()
    print(f"\n({len(reply.steps)} steps, {reply.usage.total_tokens} tokens)\n")
