/** The map: MapLibre with our style, the device points, the traffic pulse, markers, picking. No React, no texts. */

import { type GeoJSONSource, Map as MapLibre, MercatorCoordinate, type PaddingOptions, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import { SEVERITY_MASK } from '../frames'
import type { DeviceStore } from '../live/devices'
import type { RoadStore } from '../live/roads'
import type { Theme } from '../theme/tokens'
import type { ViewState } from '../url'
import type { CityInfo, Devices, Layers } from '../wire'
import { familyOf, type MapLayer } from './layers'
import { IncidentMarkers, type MarkerModel } from './markers'
import { Picker } from './pick'
import { PointLayer } from './points'
import { PulseOverlay } from './pulse'
import { FIRST_LABEL, mapStyle, paintedLayers } from './style'

setWorkerUrl(workerUrl)

type Camera = NonNullable<ViewState['camera']>

export interface MapOptions {
  readonly container: HTMLElement
  readonly city: CityInfo
  readonly layers: Layers
  readonly devices: DeviceStore
  readonly roads: RoadStore
  readonly theme: Theme
  readonly layer: MapLayer
  readonly camera: Camera | null
  readonly reducedMotion: boolean
  readonly software: boolean
  readonly onDevice: (index: number) => void
  readonly onMarker: (key: string) => void
  readonly onCamera: (camera: Camera) => void
  readonly onContext: (lost: boolean) => void
}

const HOME_PITCH = 48
const HOME_BEARING = -18
const PICK_PX = 14
/** The share of devices on each side that the first picture may leave out. */
const EDGE = 0.17
/** What the queue hides of the map on a wide screen. */
const QUEUE_PX = 330

export class MapView {
  readonly map: MapLibre
  private readonly markers: IncidentMarkers
  private readonly pulse: PulseOverlay
  private points: PointLayer
  private picker: Picker | null = null
  private sent = new Uint8Array(0)
  private layer: MapLayer
  private theme: Theme
  private ready = false
  private readonly cleanups: (() => void)[] = []
  private readonly origin: MercatorCoordinate

  constructor(private readonly o: MapOptions) {
    this.layer = o.layer
    this.theme = o.theme
    this.origin = MercatorCoordinate.fromLngLat([o.city.lon, o.city.lat])
    this.map = new MapLibre({
      container: o.container,
      style: mapStyle(o.theme, o.layer, o.layers),
      center: o.camera ? [o.camera[0], o.camera[1]] : [o.city.lon, o.city.lat],
      zoom: o.camera?.[2] ?? 12.6,
      bearing: o.camera?.[3] ?? HOME_BEARING,
      pitch: o.camera?.[4] ?? HOME_PITCH,
      maxPitch: 70,
      minZoom: 9,
      maxZoom: 19,
      attributionControl: false,
      fadeDuration: 150,
      canvasContextAttributes: { antialias: !o.software, powerPreference: 'high-performance' },
    })
    this.map.keyboard.disable() // arrows belong to the queue; the map has buttons
    this.points = this.newPoints()
    this.pulse = new PulseOverlay(this.map, o.roads, o.layers.roads, this.origin, o.theme, o.software)
    this.pulse.enabled = o.layer.roads && !o.reducedMotion
    this.markers = new IncidentMarkers(this.map, o.onMarker)
    this.map.once('style.load', () => this.loaded())
    this.map.on('moveend', () => o.onCamera(this.camera()))
    this.map.on('click', (event) => this.click(event.lngLat.lng, event.lngLat.lat))
    this.map.on('webglcontextlost', () => o.onContext(true))
    this.map.on('webglcontextrestored', () => this.restored())
  }

  private newPoints(): PointLayer {
    const points = new PointLayer(this.o.devices, this.origin, this.theme, this.layer, this.o.reducedMotion)
    points.onMatrix = (matrix) => this.pulse.setMatrix(matrix)
    return points
  }

  private loaded(): void {
    this.ready = true
    if (this.o.software) this.map.setLayerZoomRange('buildings', 15.5, 24)
    this.addPoints()
    this.cleanups.push(this.o.devices.loaded.subscribe(() => this.addPoints()))
    this.cleanups.push(this.o.roads.changed.subscribe(() => this.paintRoads()))
    this.paintRoads()
    if (!this.o.camera) this.home(0)
  }

  private addPoints(): void {
    if (this.map.getLayer('devices')) this.map.removeLayer('devices')
    this.points = this.newPoints()
    this.map.addLayer(this.points, FIRST_LABEL)
    const table = this.o.devices.table
    if (!table) return
    const families = table.kinds.map(familyOf)
    const lamp = this.o.devices.lampKind
    const kindAt = (i: number) => table.kind[i] ?? 0
    this.picker = new Picker(
      table,
      (i) =>
        lamp[kindAt(i)]
          ? this.layer.lamps > 0.2 && this.map.getZoom() > 14
          : this.layer.weight[families[kindAt(i)] ?? 'other'] > 0,
      (i) => 8 - ((this.o.devices.shown[i] ?? 0) & SEVERITY_MASK) + (lamp[kindAt(i)] ? 1 : 0),
    )
  }

  private restored(): void {
    this.o.onContext(false)
    this.sent = new Uint8Array(0)
    if (this.ready) this.addPoints()
    this.paintRoads()
  }

  /** Tell the map only about roads whose share changed. */
  private paintRoads(): void {
    const shares = this.o.roads.shown
    for (let id = 0; id < shares.length; id++) {
      const share = shares[id]
      if (this.sent.length === shares.length && this.sent[id] === share) continue
      this.map.setFeatureState({ source: 'roads', id }, { share })
    }
    this.sent = Uint8Array.from(shares)
  }

  setLook(theme: Theme, layer: MapLayer): void {
    this.theme = theme
    this.layer = layer
    this.points.setLook(theme, layer)
    this.pulse.setTheme(theme)
    this.pulse.enabled = layer.roads && !this.o.reducedMotion
    if (!this.ready) return void this.map.once('style.load', () => this.setLook(theme, layer))
    for (const spec of paintedLayers(theme, layer))
      for (const [name, value] of Object.entries(spec.paint ?? {}))
        this.map.setPaintProperty(spec.id, name as never, value as never)
    this.map.triggerRepaint()
  }

  /** Whether simulated time goes on. */
  setMoving(moving: boolean): void {
    this.pulse.moving = moving
  }

  showMarkers(models: readonly MarkerModel[]): void {
    this.markers.show(models)
  }

  /** Ring a device, or none (-1). */
  ring(device: number): void {
    const table = this.o.devices.table
    const coordinates = [table?.lon[device] ?? 0, table?.lat[device] ?? 0]
    const features =
      device < 0 ? [] : [{ type: 'Feature' as const, properties: {}, geometry: { type: 'Point' as const, coordinates } }]
    const source = this.map.getSource<GeoJSONSource>('selected')
    if (source) source.setData({ type: 'FeatureCollection', features })
    else this.map.once('style.load', () => this.ring(device))
  }

  setPadding(padding: PaddingOptions): void {
    this.map.easeTo({ padding, duration: this.o.reducedMotion ? 0 : 300 })
  }

  flyTo(lon: number, lat: number, zoom = 15): void {
    const camera = { center: [lon, lat] as [number, number], zoom: Math.max(zoom, this.map.getZoom()) }
    if (this.o.reducedMotion) this.map.jumpTo(camera)
    else this.map.flyTo({ ...camera, duration: 1400, essential: false })
  }

  home(duration = 900): void {
    const bounds = heart(this.o.devices.table, this.o.city.bounds)
    const wide = this.o.container.clientWidth > 1000 ? QUEUE_PX : 0
    const padding = { top: 30, right: 10, bottom: 10, left: 10 + wide }
    const camera = this.map.cameraForBounds(bounds, { padding, bearing: HOME_BEARING, pitch: HOME_PITCH })
    if (!camera) return
    this.map.easeTo({ ...camera, pitch: HOME_PITCH, duration: this.o.reducedMotion ? 0 : duration })
  }

  zoomBy(step: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + step, duration: this.o.reducedMotion ? 0 : 250 })
  }

  tilt(): void {
    const pitch = this.map.getPitch() > 20 ? 0 : 55
    this.map.easeTo({ pitch, duration: this.o.reducedMotion ? 0 : 500 })
  }

  camera(): Camera {
    const { lng, lat } = this.map.getCenter()
    return [lng, lat, this.map.getZoom(), this.map.getBearing(), this.map.getPitch()]
  }

  private click(lon: number, lat: number): void {
    const degreesPerPx = 360 / (512 * 2 ** this.map.getZoom())
    const found = this.picker?.at(lon, lat, PICK_PX * degreesPerPx) ?? -1
    if (found >= 0) this.o.onDevice(found)
  }

  destroy(): void {
    for (const cleanup of this.cleanups) cleanup()
    this.pulse.destroy()
    this.map.remove()
  }
}

/** Where most devices are: a city's outskirts are wide and dark, and its first picture should not be. */
export function heart(
  devices: Pick<Devices, 'lon' | 'lat'> | null,
  bounds: CityInfo['bounds'],
): [number, number, number, number] {
  if (!devices || devices.lon.length < 50) return [...bounds]
  const span = (values: readonly number[]): [number, number] => {
    const sorted = Float64Array.from(values).sort()
    return [sorted[Math.floor(sorted.length * EDGE)] ?? 0, sorted[Math.floor(sorted.length * (1 - EDGE))] ?? 0]
  }
  const [west, east] = span(devices.lon)
  const [south, north] = span(devices.lat)
  return [west, south, east, north]
}
