"""What a city file of an earlier day does not say: filled in the same way each time it is read.

Lives here: defaults of columns and rows that came to the format later. Must not know: files, checks, anything at work. A file
that says all of it is left as it is.
"""

from collections.abc import Iterator

from simulator.city import Bases, City

UNIT_NAMES = ("patrol", "ambulance", "fire_engine", "tow_truck", "lamp_crew", "electrician")
OLD_CREW = "crew"  # one word for what are lamp crews and electricians now


def fill(city: City) -> City:
    """Put the defaults of what is missing into a city and return it.

    Bases are on duty round the clock; a base of kind crew stands for a lamp crew and an electrician; a kind of unit without a
    base stands by at the first base, else at the first node.
    """
    if city.nodes.id:
        _fill_bases(city)
    return city


def _fill_bases(city: City) -> None:
    bases = city.bases
    for column in (bases.shift_from_h, bases.shift_to_h):
        column += [0.0] * (len(bases.id) - len(column))
    if set(bases.kind) >= set(UNIT_NAMES) and OLD_CREW not in bases.kind:
        return
    rows = list(_renamed(bases))
    first = bases.node[0] if bases.node else 0
    known = {row[1] for row in rows}
    rows += [(f"base:{kind}:default", kind, "", first, 0.0, 0.0) for kind in UNIT_NAMES if kind not in known]
    names = type(bases).__struct_fields__
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        getattr(bases, name)[:] = values


def _renamed(bases: Bases) -> Iterator[tuple[object, ...]]:
    rows = zip(bases.id, bases.kind, bases.name, bases.node, bases.shift_from_h, bases.shift_to_h, strict=True)
    for id_, kind, *rest in rows:
        if kind == OLD_CREW:
            yield from ((f"{id_}:{new}", new, *rest) for new in ("lamp_crew", "electrician"))
        else:
            yield (id_, kind, *rest)
