"""Every kind of truth has a name that a person reads, in both languages."""

import pytest

from scenarios.kind_titles import OWN, kind_title
from simulator.truth import TRUTH_KINDS


@pytest.mark.parametrize("kind", TRUTH_KINDS)
def test_every_kind_of_truth_has_a_title_in_both_languages(kind: str) -> None:
    """No report falls back to the word of the code, and Vietnamese is not English."""
    title = kind_title(kind)
    assert title.keys() == {"vi", "en"} and title["vi"] != title["en"]
    assert all(text and "_" not in text and text[0].isupper() for text in title.values())
    assert title["vi"] != kind.replace("_", " ")


def test_titles_are_of_kinds_that_there_are_and_tell_them_apart() -> None:
    """No title is left over from a kind that went, and no two kinds have the same."""
    assert OWN.keys() <= TRUTH_KINDS.keys()
    for lang in ("vi", "en"):
        titles = [kind_title(kind)[lang] for kind in TRUTH_KINDS]
        assert len(set(titles)) == len(titles)


def test_an_unknown_kind_is_called_by_its_word() -> None:
    """A tally of another release may hold one."""
    assert kind_title("street_party") == {"vi": "street party", "en": "street party"}
