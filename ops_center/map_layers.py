"""The public map layers as a center keeps them: what it looks up at hand, the shapes packed until somebody draws them.

Lives here: packing. Must not know: devices, readings, HTTP. As lists of coordinates the shapes of a city take a hundred times the
memory that they take on disk, and a center needs them once per console version.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import zstandard

from sensors.messages import Layers

NAMED = ("zones", "roads")  # layers whose features are places that people and alerts speak of


class MapLayers:
    """One version of the layers of a city. `properties` has those of each feature of the zones and the roads, in order."""

    def __init__(self, layers: Layers) -> None:
        self.version, self.free_speed_kmh = layers.version, layers.free_speed_kmh
        self._packed = zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(layers.layers))
        self.properties: dict[str, list[Mapping[str, Any]]] = {
            name: [feature.get("properties") or {} for feature in layers.layers.get(name, {}).get("features", [])]
            for name in NAMED
        }

    def collections(self) -> dict[str, Any]:
        """Return the layers as they came: name -> GeoJSON feature collection."""
        found: dict[str, Any] = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(self._packed))
        return found
