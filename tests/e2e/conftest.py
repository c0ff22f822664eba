"""Servers with databases of their own, persons with browsers of their own. Every wait is for a condition."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.person import Person
from tests.e2e.server import ROOT, Server

NAMES = ("chromium-headless-shell", "chromium")
"""The browser without a window of its own takes a sixth less of the processor."""
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync "
    "--font-render-hinting=none "  # letters as wide as on a screen of many pixels, in whichever browser
    "--js-flags=--no-opt"  # a page of a test is gone before its scripts, optimised, would have paid for it
).split()
RESULTS = ROOT / "test-results"
FAILED = pytest.StashKey[bool]()
NewPerson = Callable[..., Person]  # (server, **browser context options) -> Person


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies here drives a browser, has longer than a unit test, and comes last: it is slow, and Playwright
    leaves the main thread with an event loop that runs, in which `asyncio.run` of another test could not."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))
    items.sort(key=lambda item: here in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets fixtures see whether their test failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; a machine without one skips these tests, CI does not."""
    if not Path(CHROMIUM).exists():
        message = f"there is no browser at {CHROMIUM}: install Chromium, or name one with CHROMIUM="
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has used before, for this test alone."""
    server = Server(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.stop()
    check(server)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that several tests share; each person has a lab of their own in it."""
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
    check(server)


def check(server: Server) -> None:
    """Whatever was tested: the server met no exception that nobody foresaw, and asked nobody outside."""
    assert "Traceback" not in server.log, server.log
    assert server.asked_for() == set()


@pytest.fixture(scope="session")
def idle() -> list[Page]:
    """Pages that persons of earlier tests have left."""
    return []


@pytest.fixture
def person_at(browser: Browser, idle: list[Page], request: pytest.FixtureRequest) -> Iterator[NewPerson]:
    """Makes persons; after the test none of them may have met an exception or another host."""
    persons: list[Person] = []
    usual: list[Person] = []

    def make(server: Server, **options: object) -> Person:
        persons.append(Person(browser, server, None if options or not idle else idle.pop(), **options))
        if not options:
            usual.append(persons[-1])
        return persons[-1]

    yield make
    failed = request.node.stash.get(FAILED, True)
    for number, person in enumerate(persons):
        if failed:
            RESULTS.mkdir(exist_ok=True)
            person.page.screenshot(path=RESULTS / f"{request.node.name}-{number}.png")
    troubles = [trouble for person in persons for trouble in person.trouble()]
    for person in persons:
        if person in usual and not failed:
            idle.append(person.leave())
        else:
            person.context.close()
    assert troubles == []


@pytest.fixture
def person(person_at: NewPerson, server: Server) -> Person:
    return person_at(server)
