"""Everything that can be said of a scenario before it runs, in all its variants.

Lives here: putting load, the checks against the city and the lint together. Must not know: the command line, how a run goes.
"""

from ops_center.judge import RuleFile
from ops_center.rules.files import load_text
from scenarios.claims import load_claims
from scenarios.lint import Known, lint
from scenarios.load import Loaded, check_city, loads
from scenarios.references import commands_of
from scenarios.rule_paths import PACK
from scenarios.setup import rule_texts
from scenarios.variants import alternatives
from scenarios.yaml_tree import Problem
from sensors.kinds import load_kinds
from simulator.city import City
from simulator.inject_catalogue import INJECTS


def known(city: City) -> Known:
    """Return what a scenario in a city may speak of: the injects, commands and alerts that come with cityops."""
    files = [RuleFile(name, data.decode()) for name, data in rule_texts(()).items()]
    rules = [rule for file in files for group in load_text(file.text, file.name).groups for rule in group.rules]
    return Known(
        city,
        INJECTS,
        commands_of(load_kinds()),
        {r.alert: r.for_ms for r in rules if r.alert},
        load_claims(PACK),
    )


def findings(loaded: Loaded, city: City, about: Known | None = None) -> tuple[list[Problem], int]:
    """Return what the lint finds in any variant of a scenario, and how many it looked at. Raises BadFile."""
    about = known(city) if about is None else about
    text = loaded.path.read_bytes()
    found: dict[str, Problem] = {}
    variants = alternatives(loaded.tree.data)
    for picks in variants:
        variant = loads(text, loaded.path, picks=picks)
        check_city(variant, city, INJECTS, about.commands)
        found |= {str(problem): problem for problem in lint(variant, about)}
    return sorted(found.values(), key=lambda p: (p.line, p.column, p.message)), len(variants)
