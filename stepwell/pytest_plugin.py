"""The pytest plugin, which pytest loads by itself: `fake_model`, `cassette`, a guard against calls to real providers.

Nothing else of stepwell is imported before a fixture is used or a test looks up the address of a provider, so that the
start of pytest costs what reading this file costs.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .testing.cassette import Cassette, Record
    from .testing.fake import FakeModel

_MARK = "real_provider"
_LONG = 150  # characters of a file's name, whose limit is 255 bytes
_LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--stepwell-record` and the setting `stepwell_guard`."""
    parser.getgroup("stepwell").addoption(
        "--stepwell-record",
        choices=("once", "never", "always"),
        help="how the fixture `cassette` records (default: once; never where CI is set)",
    )
    parser.addini("stepwell_guard", f"fail tests without the mark {_MARK} that reach a provider", "bool", False)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and the guard if it is asked for."""
    config.addinivalue_line("markers", f"{_MARK}: may call real providers (stepwell_guard)")
    if config.getini("stepwell_guard"):
        config.pluginmanager.register(_Guard(config), "stepwell_guard")


@pytest.fixture
def fake_model() -> Iterator[Callable[..., FakeModel]]:
    """Return a function that makes a FakeModel: `fake = fake_model("Hello!")`.

    Until the test ends, it answers for all models in all clients of the process, or for those of `stands_for=`; a call
    to another one is an error. The last one made counts.
    """
    from .registration import override
    from .testing.fake import FakeModel

    with ExitStack() as stack:

        def make(*turns: object, stands_for: str | Sequence[str] = "*", **settings: Any) -> FakeModel:
            fake = FakeModel(*turns, stands_for=stands_for, **settings)
            stack.enter_context(override("*", attach=fake.attach, attach_stream=fake.attach))
            return fake

        yield make


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """Return the Cassette of this test, `cassettes/<module>/<test>.json` beside its file: `Client(transport=cassette)`.

    It records once and replays from then on; see `--stepwell-record`.
    """
    from .testing.cassette import Cassette

    path = request.path.parent / "cassettes" / request.path.stem / f"{_file_name(request.node.nodeid)}.json"
    record = _record(request.config) or ("never" if os.environ.get("CI") else "once")
    if record != "never":
        path.parent.mkdir(parents=True, exist_ok=True)
    with Cassette(path, record=record) as found:
        yield found


def _file_name(id: str) -> str:
    """Return a name for a test's own file: with its class, and a digest where its id is shortened."""
    plain = id.partition("::")[2].replace("::", ".")
    name = re.sub(r"[^\w.\[\]-]+", "_", plain)
    if name == plain and len(name) <= _LONG:
        return name
    from hashlib import sha256  # only for names that need it

    return f"{name[:_LONG]}-{sha256(plain.encode()).hexdigest()[:8]}"


def _record(config: pytest.Config) -> Record | None:
    found: Record | None = config.getoption("--stepwell-record")
    return found


class _Guard:
    """Fails a test that looks up the address of a provider, by whichever HTTP library.

    Tests with the mark may, and those with a cassette where `--stepwell-record` lets it record.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._recording = _record(config) in ("once", "always")
        self._reached: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._reached.clear()
        names = getattr(item, "fixturenames", ())
        if item.get_closest_marker(_MARK) or (self._recording and "cassette" in names):
            return (yield)
        look_up: Callable[..., Any] = socket.getaddrinfo

        def guarded(host: object, *arguments: object, **settings: object) -> Any:
            name = host.decode() if isinstance(host, bytes) else str(host)
            if _is_provider(name):
                self._reached.append(name)
                self._fail()
            return look_up(host, *arguments, **settings)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", guarded)
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Fail a test in which another thread was refused, or whose code caught the refusal."""
        yield
        if self._reached:
            self._fail()

    def _fail(self) -> None:
        pytest.fail(
            f"a test reached for the provider at {self._reached[-1]}: use the fixture fake_model or "
            f"a recorded cassette, or mark it with @pytest.mark.{_MARK}, also to record one"
        )


def _is_provider(name: str) -> bool:
    """Return whether stepwell is in use and knows the host as a provider's."""
    if name in _LOCAL or "stepwell.planner" not in sys.modules:
        return False
    return _hosts().fullmatch(name) is not None


@cache
def _hosts() -> re.Pattern[str]:
    """Return a pattern of the hosts of all providers."""
    from .pipeline.http.urls import split_url
    from .providers.declare.registry import REGISTRY

    hosts = set[str]()
    for provider in REGISTRY:
        hosts.update(name.removeprefix("*") for name in provider.trusted_hosts)
        hosts.add(re.sub(r"\$?\{[^}]*\}", "*", split_url(provider.base_url or "")[1].partition(":")[0]))
    patterns = (f"*{host}" if host.startswith(".") else host for host in hosts - {"", "*", *_LOCAL})
    return re.compile("|".join(map(translate, patterns)))
