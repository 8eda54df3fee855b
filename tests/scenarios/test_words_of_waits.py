"""What a trigger waits for and what an expectation asks for, as instructors read it, in both languages."""

import pytest

from scenarios.command_words import ordered, target_name
from scenarios.exercise.waits import waits_for
from scenarios.load import library, load
from scenarios.naming import Naming
from scenarios.references import commands_of
from scenarios.schema import When
from scenarios.units import spoken_duration
from sensors.kinds import load_kinds
from simulator.cities import catalogue

COMMANDS = commands_of(load_kinds())


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_said_in_both_languages(command: str) -> None:
    """By its title, not by its name in the code."""
    said = {lang: ordered(command, {}, "", COMMANDS, lang) for lang in ("vi", "en")}
    assert said == {"vi": COMMANDS[command].title.vi, "en": COMMANDS[command].title.en} and said["vi"] != said["en"]


def test_a_dispatch_names_its_unit_and_its_place() -> None:
    """Units go by their names, too; what is unknown goes by its own."""
    assert ordered("dispatch", {"unit": "tow_truck"}, "Cầu Bính", COMMANDS, "vi") == "Điều đội đến: Xe kéo, Cầu Bính"
    assert ordered("dispatch", {"unit": "tow_truck"}, "", COMMANDS, "en") == "Dispatch: Tow truck"
    assert ordered("beam_up", {"how": "at_once"}, "", COMMANDS, "vi") == "beam up: at once"


def test_a_trigger_on_what_nobody_does_is_a_sentence() -> None:
    """With a time in words of the language, and the names that people know."""
    city = catalogue.get("small")
    when = When.model_validate(
        {"kind": "command", "command": "dispatch", "params": {"unit": "electrician"}, "missing_for": "20 min"}
    )
    assert waits_for(when, {}, Naming(city), COMMANDS) == {
        "vi": "nếu sau 20 phút chưa có lệnh “Điều đội đến: Đội điện”",
        "en": "if “Dispatch: Electrician” is not ordered after 20 min",
    }


def test_a_place_goes_by_its_name() -> None:
    """Whatever of the command's kinds of place has that id; an id that nothing has stays."""
    city = catalogue.get("small")
    naming = Naming(city)
    feeder = city.feeders.id[0]
    assert target_name(feeder, "feeder_reclose", COMMANDS, naming) == city.feeders.name[0] != feeder
    assert target_name("nowhere", "feeder_reclose", COMMANDS, naming) == "nowhere"
    assert target_name(None, "feeder_reclose", COMMANDS, naming) == ""


@pytest.mark.parametrize(
    ("ms", "vi", "en"),
    [(0, "0 giây", "0 s"), (1_200_000, "20 phút", "20 min"), (3_930_000, "1 giờ 5 phút 30 giây", "1 h 5 min 30 s")],
)
def test_durations_are_words(ms: int, vi: str, en: str) -> None:
    """Without parts that are nought."""
    assert (spoken_duration(ms, "vi"), spoken_duration(ms, "en")) == (vi, en)


def test_phases_of_the_library_have_titles() -> None:
    """A phase that begins nothing is shown to instructors: it has a title in both languages."""
    untitled = [
        f"{path.stem}: {trigger.phase}"
        for path in library()
        for trigger in load(path).scenario.triggers
        if trigger.inject is None and (trigger.title is None or trigger.title.vi == trigger.title.en)
    ]
    assert untitled == []
