/** The map in the page: makes it, keeps it in step with layer, theme and incidents, and says in words what it shows. */

import { useEffect, useMemo, useRef, useState } from 'react'
import { say } from '../i18n'
import { drawing } from '../map/gl'
import { layerOf } from '../map/layers'
import type { MarkerModel } from '../map/markers'
import { MapView } from '../map/view'
import { THEMES } from '../theme/tokens'
import type { CityInfo } from '../wire'
import { useConsole, useOps, useSignal, useText, useUi } from './context'
import { Legend } from './Legend'
import { useMapHandle } from './map-handle'

const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches

function useMarkers(): MarkerModel[] {
  const { t, lang } = useText()
  const incidents = useOps((state) => state.incidents)
  const selection = useUi((state) => state.selection)
  return useMemo(
    () =>
      [...incidents.values()].flatMap((incident) => {
        if (incident.state === 'closed' || incident.lon === null || incident.lat === null) return []
        const key = `i:${incident.incident_id}`
        return [
          {
            key,
            lon: incident.lon,
            lat: incident.lat,
            severity: incident.severity,
            severityWord: t.severity[incident.severity],
            title: say(incident.title, lang),
            acknowledged: incident.acknowledged_by !== null,
            selected: selection === key,
          },
        ]
      }),
    [incidents, selection, t, lang],
  )
}

/** Whose the map is. That a city is schematic is said in the viewer's language beside it, so only a name with rights is repeated. */
function credit(city: CityInfo | null, otherwise: string): string {
  if (!city?.schematic) return city?.attribution || otherwise
  return city.attribution.includes('©') ? city.attribution : ''
}

export function MapPane() {
  const { ops, ui } = useConsole()
  const { t, lang } = useText()
  const host = useRef<HTMLDivElement>(null)
  const handle = useMapHandle()
  const city = useOps((state) => state.city)
  const { theme, layer, selection } = useUi((state) => state)
  const [{ webgl2: drawable, software }] = useState(drawing)
  const [contextLost, setContextLost] = useState(false)
  const markers = useMarkers()
  const still = useOps((state) => state.clock?.paused ?? false)
  const layers = ops.layers
  useSignal(ops.devices.loaded)

  // biome-ignore lint/correctness/useExhaustiveDependencies: theme and layer of a living map change by setLook below
  useEffect(() => {
    if (!host.current || !city || !layers || !drawable) return
    const view = new MapView({
      container: host.current,
      city,
      layers,
      devices: ops.devices,
      roads: ops.roads,
      theme: THEMES[theme],
      layer: layerOf(layer),
      camera: ui.get().camera,
      reducedMotion: reducedMotion(),
      software,
      onDevice: (index) => ui.dispatch({ selection: `d:${ops.devices.table?.id[index] ?? ''}` }),
      onMarker: (key) => ui.dispatch({ selection: key }),
      onCamera: (camera) => ui.dispatch({ camera }),
      onContext: setContextLost,
    })
    handle.current = view
    return () => {
      handle.current = null
      view.destroy()
    }
  }, [ops, ui, city, layers, drawable, software, handle])

  useEffect(() => handle.current?.setLook(THEMES[theme], layerOf(layer)), [handle, theme, layer])
  // biome-ignore lint/correctness/useExhaustiveDependencies: so does a map made anew by city or layers
  useEffect(() => handle.current?.setMoving(!still), [handle, still, layers, city])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a map made anew by city or layers needs its markers again
  useEffect(() => handle.current?.showMarkers(markers), [handle, markers, layers, city])
  useEffect(() => {
    handle.current?.ring(selection?.startsWith('d:') ? ops.devices.indexOf(selection.slice(2)) : -1)
  }, [handle, ops, selection])

  const { devices, stale } = ops.devices.summary
  const summary = t.mapSummary
    .replace('{city}', say(city?.title, lang))
    .replace('{devices}', String(devices))
    .replace('{stale}', String(stale))
    .replace('{incidents}', String(markers.length))
  return (
    <section className="map-pane" data-testid="map" aria-label={summary}>
      {drawable ? (
        <div ref={host} className="map" />
      ) : (
        <div className="empty big" data-testid="webgl-missing">
          <p>{t.webglMissing}</p>
          <p className="muted">{t.webglMissingHint}</p>
        </div>
      )}
      <div className="vignette" aria-hidden="true" />
      {contextLost && <p className="map-note">{t.webglLost}</p>}
      {city?.exercise && (
        <div className="watermark" aria-hidden="true">
          DIỄN TẬP · EXERCISE
        </div>
      )}
      <div className="map-foot">
        {city?.schematic && <span className="schematic">{t.schematic}</span>}
        {credit(city, t.attribution) && <span>{credit(city, t.attribution)}</span>}
      </div>
      <Legend />
      <div className="map-buttons" role="group" aria-label={t.map}>
        <button type="button" className="icon" aria-label={t.zoomIn} title={t.zoomIn} onClick={() => handle.current?.zoomBy(1)}>
          +
        </button>
        <button
          type="button"
          className="icon"
          aria-label={t.zoomOut}
          title={t.zoomOut}
          onClick={() => handle.current?.zoomBy(-1)}
        >
          −
        </button>
        <button type="button" className="icon" aria-label={t.tilt} title={t.tilt} onClick={() => handle.current?.tilt()}>
          ◪
        </button>
        <button
          type="button"
          className="icon"
          aria-label={t.wholeCity}
          title={`${t.wholeCity} (0)`}
          onClick={() => handle.current?.home()}
        >
          ⌂
        </button>
      </div>
    </section>
  )
}
