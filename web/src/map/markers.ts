/** Incident markers: HTML above the canvas, each with its severity's shape and a word, reachable by keyboard. */

import { type Map as MapLibre, Marker } from 'maplibre-gl'
import type { Severity } from '../wire'
import { SHAPES } from './shapes'

export interface MarkerModel {
  readonly key: string
  readonly lon: number
  readonly lat: number
  readonly severity: Severity
  readonly severityWord: string
  readonly title: string
  readonly acknowledged: boolean
  readonly selected: boolean
}

export class IncidentMarkers {
  private readonly markers = new Map<string, { marker: Marker; button: HTMLButtonElement }>()

  constructor(
    private readonly map: MapLibre,
    private readonly select: (key: string) => void,
  ) {}

  show(models: readonly MarkerModel[]): void {
    const wanted = new Set(models.map((model) => model.key))
    for (const [key, { marker }] of this.markers) {
      if (wanted.has(key)) continue
      marker.remove()
      this.markers.delete(key)
    }
    for (const model of models) this.put(model)
  }

  private put(model: MarkerModel): void {
    const known = this.markers.get(model.key) ?? this.add(model)
    const { button, marker } = known
    marker.setLngLat([model.lon, model.lat])
    // MapLibre keeps classes of its own on the element
    for (const severity of Object.keys(SHAPES)) button.classList.toggle(`sev-${severity}`, severity === model.severity)
    button.classList.toggle('unacked', !model.acknowledged)
    button.classList.toggle('selected', model.selected)
    button.setAttribute('aria-label', `${model.severityWord}: ${model.title}`)
    button.querySelector('path')?.setAttribute('d', SHAPES[model.severity])
    const [word, title] = button.querySelectorAll('span > *')
    if (word) word.textContent = model.severityWord
    if (title) title.textContent = model.title
  }

  private add(model: MarkerModel): { marker: Marker; button: HTMLButtonElement } {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'marker'
    button.innerHTML = '<svg viewBox="0 0 20 20" aria-hidden="true"><path/></svg><span aria-hidden="true"><b></b><i></i></span>'
    button.addEventListener('click', (event) => {
      event.stopPropagation()
      this.select(model.key)
    })
    const marker = new Marker({ element: button, anchor: 'left', offset: [-14, 0] })
      .setLngLat([model.lon, model.lat])
      .addTo(this.map)
    const entry = { marker, button }
    this.markers.set(model.key, entry)
    return entry
  }
}
