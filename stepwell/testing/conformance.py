"""conformance: the checks that every provider must pass, offline, sync and async, for each operation that it offers.

    from stepwell.testing import conformance
    conformance(my_provider)

A provider of known wires needs nothing more. For a wire of its own, pass answers of its server as bytes (see
providers/wires/samples.py): `samples=` for chat, `operation_samples=` for other operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from attrs import define, field, frozen

from ..api import Client
from ..async_api import AsyncClient
from ..options import Credential
from ..providers.declare.provider import Provider
from ..providers.declare.wire import Wire
from ..providers.wires.operations.sample_answers import SAMPLES
from ..providers.wires.samples import OperationSample, Samples
from ..schemas import errors
from .chat_checks import ChatSuite
from .operation_checks import OperationSuite
from .suite import KEY, Suite


class ConformanceError(AssertionError):
    """A provider that failed checks, which the message lists."""


@frozen
class Check:
    """One check of the suite."""

    name: str
    fault: str | None = None
    """Why it failed; None if it passed."""


@define
class ConformanceReport:
    """The checks of a provider."""

    provider: str
    checks: list[Check] = field(factory=list)
    unchecked: list[str] = field(factory=list)
    """The wires that nothing was checked of, since there are no samples of their answers."""

    @property
    def ok(self) -> bool:
        """Whether all checks passed."""
        return not self.failed

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if check.fault]

    def __str__(self) -> str:
        lines = [
            f"{'FAIL' if check.fault else 'ok':<5}{check.name}{': ' if check.fault else ''}{check.fault or ''}"
            for check in (*self.failed, *(check for check in self.checks if not check.fault))
        ]
        lines += [f"--   {wire} was not checked: there are no samples of its answers" for wire in self.unchecked]
        return "\n".join(
            [f"{self.provider}: {len(self.checks) - len(self.failed)} of {len(self.checks)} checks passed", *lines]
        )


def conformance(
    provider: Provider,
    *,
    samples: Samples | None = None,
    operation_samples: Mapping[str, OperationSample] | None = None,
    model: str = "some-model",
    wire: str | None = None,
    credential: Credential = KEY,
    raises: bool = True,
) -> ConformanceReport:
    """Run the checks on a provider. Raises ConformanceError, with the report, if one fails.

    provider: the provider.
    samples: answers of its server to chats; None: those of the known wire.
    operation_samples: answers to other operations, by the name of the wire, beside those of known wires.
    model: the id to call, where a sample names no other.
    wire: the name of the one wire to check; None: the first for chat, and all of other operations.
    credential: for providers that need more than one key; one whose `env_key` names several values gets each of them.
    raises: whether to raise for a failed check; otherwise see the report.

    Raises ConfigError for a chat wire without samples, and for a name that no wire of the provider has.
    """
    if not isinstance(provider, Provider):
        raise errors.ConfigError(
            f"conformance takes a Provider, not a {type(provider).__name__}", hint="pass stepwell.provider('id')"
        )
    report = ConformanceReport(provider.id)
    if credential is KEY and isinstance(provider.env_key, Mapping):
        credential = dict.fromkeys(provider.env_key, KEY)
    for suite in _suites(provider, samples, {**SAMPLES, **(operation_samples or {})}, model, wire, credential, report):
        of_chat = suite.wire.operation == "chat"
        for name, check in suite.checks():
            name = name if of_chat else f"{suite.wire.name}: {name}"
            try:
                check()
            except Exception as error:
                report.checks.append(Check(name, f"{type(error).__name__}: {error}"))
            else:
                report.checks.append(Check(name))
    if raises and not report.ok:
        raise ConformanceError(str(report))
    return report


def _suites(
    provider: Provider,
    samples: Samples | None,
    by_wire: Mapping[str, OperationSample],
    model: str,
    wire: str | None,
    credential: Credential,
    report: ConformanceReport,
) -> list[Suite]:
    wires = [each for each in provider.wires if wire in (None, each.name)]
    if not wires:
        names = ", ".join(each.name for each in provider.wires)
        raise errors.ConfigError(f"{provider.id} has no wire {wire!r}", hint=f"it has {names}")
    chats = [each for each in wires if each.operation == "chat"][:1]
    suites: list[Suite] = [
        ChatSuite(
            provider, each, f"{provider.id}:{model}", credential, Client, AsyncClient, samples or samples_of(each)
        )
        for each in chats
    ]
    for each in wires:
        if (sample := by_wire.get(each.name)) is not None:
            id = sample.model or model
            suites.append(
                OperationSuite(provider, each, f"{provider.id}:{id}", credential, Client, AsyncClient, sample)
            )
        elif each.operation != "chat":
            report.unchecked.append(each.name)
    return suites


def samples_of(wire: Wire) -> Samples:
    """Return the samples of a known wire. Raises ConfigError for a wire without samples."""
    try:
        found: Samples = import_module(f"...providers.wires.{wire.name}.samples", __name__).SAMPLES
    except ModuleNotFoundError:
        raise errors.ConfigError(f"the wire {wire.name!r} has no samples", hint="pass samples=Samples(...)") from None
    return found
