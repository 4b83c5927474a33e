"""One step replaced for some models: in the process, in a client, in a provider; for some calls; around another."""

from collections.abc import Callable, Mapping

import stepwell
from stepwell.declare import Token, TokenSource, drop, extending, openai_chat
from stepwell.steps import CallNext, Flow, Request, Run, StepGenerator


def with_label(request: Request) -> Mapping[str, object]:
    return {**openai_chat.build_body(request), "user": "team-search"}


with stepwell.override("groq:*", build_body=with_label):
    stepwell.generate_text("groq:llama-3.3-70b-versatile", "hi")

client = stepwell.Client()
change = client.override("groq:*", translate_options=[drop("seed", why="our gateway refuses it")])
change.undo()


def labelled(inherited: Callable[[Request], Mapping[str, object]], request: Request) -> Mapping[str, object]:
    return {**inherited(request), "user": "team-search"}


def is_long(request: Request) -> bool:
    return len(request.context.messages) > 20


def authenticate(request: Request, call: CallNext) -> StepGenerator:
    token = yield Run(lambda: "secret")
    return (yield from call(request.with_headers(authorization=f"Bearer {token}")))


def fetch(request: Request) -> Flow:
    return Token((yield Run(lambda: "secret")), 1e9)


client.override("openai:*", wire="*", stream=True, when=is_long, build_body=extending(labelled))
client.override("groq:*", when=lambda request: request.stream, authenticate=authenticate)
client.override("mistral:*", authenticate=TokenSource(fetch).authenticate)
stepwell.register(stepwell.provider("groq").with_steps(build_body=with_label))
