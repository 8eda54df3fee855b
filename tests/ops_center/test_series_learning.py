"""What one store derived from labels helps the next one of the same city, and keeps none of its samples alive."""

import weakref

from ops_center.label_sets import NAME, Matcher
from ops_center.series import SeriesStore

WRITTEN = (Matcher(NAME, "=", "road:speed"),)
OWN = (Matcher(NAME, "=", "speed"), Matcher("road", "=", "a"))


def evaluated(store: SeriesStore, roads: tuple[str, ...]) -> SeriesStore:
    """A store beside it, in which rules wrote a series for each road."""
    beside = store.beside(["road:speed"])
    for road in roads:
        beside.append_sample("road:speed", {"road": road}, 0, 1.0)
    return beside


def measured() -> SeriesStore:
    """A store in which two roads were measured."""
    store = SeriesStore()
    for road in "ab":
        store.append_sample("speed", {"road": road}, 0, 1.0)
    return store


def test_what_was_derived_of_series_read_and_written_is_used_for_the_next_seed() -> None:
    """The handle of the labels, which has all that was derived from them, is the same; of other labels it is another."""
    first = measured()
    beside = evaluated(first, ("a", "b"))
    before = [beside.select(matchers).labels for matchers in (OWN, WRITTEN)]
    first.learn(beside)
    for roads, same in ((("a", "b"), True), (("a", "c"), False)):
        second = measured()
        second.inherit(first)
        again = evaluated(second, roads)
        assert again.select(OWN).labels is before[0]
        assert (again.select(WRITTEN).labels is before[1]) == same
        assert [dict(labels)["road"] for labels in again.select(WRITTEN).labels.sets] == list(roads)


def test_no_sample_is_kept_by_what_was_learnt() -> None:
    """The blocks of a run that is over go with it, whoever learnt from it."""
    first = measured()
    beside = evaluated(first, ("a", "b"))
    blocks = [weakref.ref(beside.metrics[name].blocks[0]) for name in ("speed", "road:speed")]
    for matchers in (OWN, WRITTEN):
        assert beside.select(matchers).parts
    first.learn(beside)
    second = SeriesStore()
    second.inherit(first)
    del first, beside
    assert [block() for block in blocks] == [None, None]
    assert second.select(OWN).parts == ()
