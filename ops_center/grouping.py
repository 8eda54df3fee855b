"""Which alerts have a cause in common: levels of places, keys, and what a root gathers.

Lives here: pure functions on labels. Must not know: incidents' lives, the rule engine.
Levels, highest first: feeder, cabinet, then junction, road and zone, then device. A power place (feeder, cabinet) gathers
alerts of every domain that depend on it; a junction or road gathers those of its own domain; a zone only alerts that are
themselves about the zone. A root alert widens that with the annotation or label `groups` (or `group_by`): label names
whose value it shares with the alerts it gathers, of any domain.
"""

from collections.abc import Iterable, Mapping

import msgspec

RANKS = {"feeder": 0, "cabinet": 1, "junction": 2, "road": 2, "zone": 2, "device": 3, "rule": 4}
LABEL_OF = {"device": "device_id"}
POWER = ("feeder", "cabinet")
GATHER_BY_DEFAULT = ("junction", "road")
NO_PLACE = frozenset({"alertname", "severity", "scope", "domain", "city", "kind", "device_id", "groups", "group_by"})


class Key(msgspec.Struct, frozen=True, array_like=True):
    """A possible common cause: a level, the place's name and the domain ("" for any)."""

    level: str
    name: str
    domain: str = ""

    @property
    def rank(self) -> int:
        """0 is the highest cause."""
        return RANKS.get(self.level, 2)


def own_key(labels: Mapping[str, str]) -> Key:
    """Return the key at which an alert groups, by its label `scope`; without it by the finest place it names."""
    scope = labels.get("scope", "")
    for level in (scope, "device", "cabinet", "junction", "road", "zone", "feeder"):
        name = labels.get(LABEL_OF.get(level, level), "") if level else ""
        if name:
            return Key(level, name, "" if level in POWER else labels.get("domain", ""))
    return Key("rule", labels.get("alertname", ""), labels.get("domain", ""))


def candidate_keys(labels: Mapping[str, str]) -> tuple[Key, ...]:
    """Return the keys under which an alert may be gathered, the highest cause first, its own included.

    `labels` are the alert's labels enriched with the places of its device. A place below the alert's own level is no cause.
    Labels that are no level (ward, place) count only for roots that gather by them.
    """
    own = own_key(labels)
    found = [own]
    for level, rank in RANKS.items():
        name = labels.get(LABEL_OF.get(level, level), "")
        if not name or level in ("device", "rule") or rank > own.rank:
            continue
        if level in POWER or rank < own.rank:
            found.append(Key(level, name))
        if level in GATHER_BY_DEFAULT and rank < own.rank:
            found.append(Key(level, name, labels.get("domain", "")))
    found += [Key(name, value) for name, value in labels.items() if value and name not in RANKS and name not in NO_PLACE]
    return tuple(sorted(dict.fromkeys(found), key=lambda key: (key.rank, key.level, key.name, key.domain)))


def gathered_keys(labels: Mapping[str, str], annotations: Mapping[str, str]) -> tuple[Key, ...]:
    """Return the keys that an alert gathers as a root: its own, and one per label named in `groups` or `group_by`."""
    names = ",".join(source.get(word, "") for source in (annotations, labels) for word in ("groups", "group_by"))
    wide = [Key(name, labels[name]) for name in (part.strip() for part in names.split(",")) if labels.get(name)]
    return tuple(dict.fromkeys([own_key(labels), *wide]))


def shares(candidates: Iterable[Key], gathered: Iterable[Key]) -> bool:
    """Tell whether an alert with these candidates belongs under a root that gathers these keys."""
    wanted = set(gathered)
    return any(key in wanted for key in candidates)
