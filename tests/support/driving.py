"""Pipelines run without a network, sync and async, from one test body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from stepwell import Context, Reply, user
from stepwell.catalog import Model
from stepwell.pipeline.drivers import adrive, drive
from stepwell.pipeline.effects import Close, Read, Run, Send, Sleep
from stepwell.pipeline.http.request import Request
from stepwell.pipeline.http.response import Response
from stepwell.schemas.message import assistant
from stepwell.steps import Pipeline

MODEL = Model("acme", "m-1")


def request(**changes: Any) -> Request:
    return Request("chat", MODEL, Context((user("hi"),)), **changes)


def reply(text: str = "hello") -> Reply:
    return Reply(assistant(text), "stop", "stop")


class World:
    """A driver of effects that gives the answers in turn and records what was requested."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []
        self.slept: list[float] = []
        self.closed = 0

    def perform(self, effect: Any) -> Any:
        match effect:
            case Send(asked):
                self.sent.append(asked)
                answer = self.answers.pop(0)
                if isinstance(answer, BaseException):
                    raise answer
                return answer(asked) if callable(answer) else answer
            case Sleep(seconds):
                return self.slept.append(seconds)
            case Read(source):
                piece = next(source, b"")
                if isinstance(piece, BaseException):
                    raise piece
                return piece
            case Close():
                self.closed += 1
                return None
            case Run(fn):
                return fn()
        raise AssertionError(effect)

    async def aperform(self, effect: Any) -> Any:
        await asyncio.sleep(0)
        return self.perform(effect)


Drive = Callable[..., Response]


def drive_sync(pipeline: Pipeline, world: World, asked: Request | None = None) -> Response:
    return drive(pipeline.flow(asked or request()), world.perform)


def drive_async(pipeline: Pipeline, world: World, asked: Request | None = None) -> Response:
    return asyncio.run(adrive(pipeline.flow(asked or request()), world.aperform))


def answered(text: str = "hello", status: int = 200, **fields: Any) -> Callable[[Request], Response]:
    """Build a response that is decoded already."""
    return lambda asked: Response(asked, status, reply=reply(text), **fields)
