"""Fixtures of the browser tests: one Chromium, one demo a module, people who look at it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import web_kit as kit

expect.set_options(timeout=kit.WAIT_MS)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium without a window, drawing by software."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(kit.FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[kit.Demo]:
    """A demo of the small city's blackout, in real time until an instructor hurries it; ended with the module."""
    running = kit.Demo(tmp_path_factory.mktemp("demo"))
    yield running
    running.end()


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[[], kit.Person]]:
    """Make people, each with a browser of their own; their browsers close with the test."""
    people: list[kit.Person] = []

    def arrive() -> kit.Person:
        people.append(kit.Person(browser))
        return people[-1]

    yield arrive
    for one in people:
        one.close()
