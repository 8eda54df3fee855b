"""Real streets headless: Hà Nội's centre from an OpenStreetMap extract, with all devices that an import places.

Lives here: finding the extract, importing it, one measurement. The extract is not part of cityops: CITYOPS_OSM names a file,
or CITYOPS_SHARED (else `../shared`) a folder that holds data/hanoi_osm.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from scenarios.bench import headless
from simulator.city import save
from simulator.osm.importer import import_osm


def extract() -> Path | None:
    """Return the extract to import, or None where there is none."""
    if "CITYOPS_OSM" in os.environ:
        return Path(os.environ["CITYOPS_OSM"])
    folder = Path(os.environ.get("CITYOPS_SHARED", "../shared")) / "data" / "hanoi_osm"
    return next(iter(sorted(folder.glob("*.json"))), None)


def run(minutes: float = 20, scale: float = 1.0) -> dict[str, Any]:
    """Import the extract and run it; return the figures of `headless`, or `skipped` with the reason."""
    path = extract()
    if path is None:
        return {"skipped": "no OpenStreetMap extract: set CITYOPS_OSM to a file"}
    with tempfile.TemporaryDirectory(prefix="cityops-bench-") as folder:
        city, _ = import_osm(path, "Hà Nội")
        target = Path(folder) / "ha_noi.city.json"
        save(city, target)
        return headless.run(city=str(target), minutes=minutes, scale=scale)
