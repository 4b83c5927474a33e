"""One step replaced for some models: in the process, in a client, in a provider."""

from collections.abc import Mapping

import stepwell
from stepwell.declare import drop, openai_chat
from stepwell.steps import Request


def with_label(request: Request) -> Mapping[str, object]:
    return {**openai_chat.build_body(request), "user": "team-search"}


with stepwell.override("groq:*", build_body=with_label):
    stepwell.generate_text("groq:llama-3.3-70b-versatile", "hi")

client = stepwell.Client()
change = client.override("groq:*", translate_options=[drop("seed", why="our gateway refuses it")])
change.undo()
stepwell.register(stepwell.provider("groq").with_steps(build_body=with_label))
