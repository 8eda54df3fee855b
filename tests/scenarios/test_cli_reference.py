"""The pages of the reference that are written from the code say what the code says."""

import pytest

from scenarios.cli import main
from scenarios.cli.reference import DOCS, PAGES, ROOMS, commands
from scenarios.cli.rules import app as rules
from simulator.distributions import Distribution, Uniform, gather, note
from simulator.inject_catalogue import INJECTS


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    """A command, option or inject that changed and a page that did not: run `python -m scenarios.cli.reference`."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_nothing_is_left_out() -> None:
    """Every command with every option, every inject with every parameter."""
    page, injects = PAGES["command-line.md"](), PAGES["injects.md"]()
    for words, command in commands():
        section = page.split(f"\n## cityops {' '.join(words)}\n")[1].split("\n## ")[0]
        assert all(option in section for p in command.params if p.name != "help" for option in p.opts if option.startswith("-"))
    for inject in INJECTS.values():
        section = injects.split(f"\n## {inject.name}\n")[1].split("\n## ")[0]
        assert inject.title.vi in section and inject.title.en in section
        assert all(f"`{name}`" in section for name in inject.parameters)


def test_the_help_says_of_each_command_what_it_says_of_itself() -> None:
    """Help is written without loading any command: the line that it has of each is the first of the command's own."""
    for tree, cls in ((main.TREE, main.app.info.cls), (rules.TREE, rules.app.info.cls)):
        group = cls(name="of")
        for name, place in tree.items():
            assert " ".join(group.get_command(None, name).help.split("\n\n")[0].split()) == place.summary, name


def test_every_choice_says_where_it_is_from() -> None:
    """Each description has a law in words, what is drawn, and a citation or the word assumption; each is used by a module."""
    for choice, users in gather(ROOMS):
        assert choice.law.says(choice.unit) and choice.what.endswith(".") and len(choice.source) >= 10
        assert users, choice.stream


def test_one_stream_has_one_description() -> None:
    """Two modules that describe one stream differently are refused; the same description may be used by both."""
    found: dict[str, tuple[Distribution, list[str]]] = {}
    one = Distribution("a.b", Uniform(), "s", "One.", "assumption: none")
    for module in ("m", "n"):
        note(found, one, module)
    assert found["a.b"][1] == ["m", "n"]
    with pytest.raises(ValueError, match="described twice"):
        note(found, Distribution("a.b", Uniform(), "s", "Other.", "assumption: none"), "o")
