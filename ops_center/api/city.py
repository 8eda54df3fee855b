"""The city as it is built, and the readings of one device. Lives here: routes that need no judgement."""

import gzip
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from ops_center import views
from ops_center.api.common import ERRORS, Line, LiveDep, Reader, awaited_view, city_of, host_of, json_response, view_of
from ops_center.guards import Problem
from ops_center.live import LiveCity

router = APIRouter(responses=ERRORS, tags=["city"])
MAX_MINUTES = 120
TO_COME: dict[int | str, dict[str, Any]] = {204: {"description": "no city has come yet; ask again"}}
Version = Annotated[int, Query(ge=0, le=2**31)]


@router.get("/api/city", responses=TO_COME)
async def city(request: Request, seat: Reader) -> Response:
    """Return what the city is and where it lies, nothing (204) while none has come."""
    view = awaited_view(request)
    if view is None:
        return _to_come()
    live = city_of(request)
    found = views.city(view, live.run_id)
    url = found["exercise_url"] or host_of(request).config.exercise_url
    found["exercise_url"] = None if live.playback is not None else url or None  # a record has no truth to show
    return json_response(found)


@router.get("/api/layers")
async def layers(live: LiveDep, request: Request, seat: Reader, v: Version = 0) -> Response:
    """Return the public map layers; cacheable for ever under their version."""
    view = view_of(live)
    empty = {"type": "FeatureCollection", "features": []}
    names = ("roads", "areas", "zones", "buildings")
    version = view.layers.version if view.layers else 0

    def build() -> dict[str, Any]:
        held = view.layers.collections() if view.layers else {}
        return {name: held.get(name, empty) for name in names}

    return _cached(live, request, "layers", version, v, build)


@router.get("/api/devices")
async def devices(live: LiveDep, request: Request, seat: Reader, v: Version = 0) -> Response:
    """Return all devices, columnar; cacheable for ever under the registry's version."""
    view = view_of(live)
    return _cached(live, request, "devices", view.registry.version, v, lambda: views.devices(view))


def _cached(live: LiveCity, request: Request, name: str, version: int, asked: int, build: Callable[[], Any]) -> Response:
    known = live.caches.get(name)
    if known is None or known[0] != version:
        known = (version, gzip.compress(msgspec.json.encode(build()), 5, mtime=0))
        live.caches[name] = known
    forever = "private, max-age=31536000, immutable" if asked == version else "no-cache"
    headers = {"cache-control": forever, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(known[1], 200, {**headers, "content-encoding": "gzip"}, media_type="application/json")
    return Response(gzip.decompress(known[1]), 200, headers, media_type="application/json")


@router.get("/api/kinds")
async def kinds(live: LiveDep, seat: Reader) -> Response:
    """Return the sensor kinds."""
    return json_response(views.kinds(view_of(live)))


@router.get("/api/command-types", responses=TO_COME)
async def command_types(request: Request, seat: Reader) -> Response:
    """Return the commands that the city takes, nothing (204) while none has come."""
    view = awaited_view(request)
    return _to_come() if view is None else json_response(views.command_types(view))


def _to_come() -> Response:
    """Return a calm answer: a page that opens before the city is there asks again, and nothing is wrong."""
    return Response(status_code=204, headers={"cache-control": "no-store"})


@router.get("/api/places")
async def places(live: LiveDep, seat: Reader, q: Line = "") -> Response:
    """Find zones, roads and devices by name or id; diacritics may be left out."""
    return json_response(view_of(live).search(q))


@router.get("/api/readings/{device}")
async def readings(
    live: LiveDep,
    seat: Reader,
    device: Annotated[int, Path(ge=0, le=2**31)],
    minutes: Annotated[int, Query(ge=1, le=MAX_MINUTES)] = 60,
) -> Response:
    """Return the last readings of one device for a chart: instants, and per quantity a value or null at each."""
    view, center = view_of(live), live.run.center
    if device >= view.n_devices or not view.device_id[device]:
        raise Problem(404, f"there is no device {device}")
    kind = view.kinds[int(view.kind[device])]
    first_ms = center.now_ms - minutes * 60_000
    found = {
        q.name: dict(center.judge.readings(q.metric, view.device_id[device], first_ms, center.now_ms)) for q in kind.quantities
    }
    times = sorted({t for samples in found.values() for t in samples})
    return json_response({"t_ms": times, "quantities": {name: [held.get(t) for t in times] for name, held in found.items()}})
