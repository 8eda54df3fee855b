/**
 * Measured speed of all roads in typed arrays, outside React: 255 = no data, else the share of free flow × 200.
 *
 * A detector before a signal reads 0 km/h through every red, so a road is drawn by the mean of about the last minute of
 * simulated time. Whether there is data is never smoothed: a road whose detectors fall silent is grey at once.
 */

import { ROAD_NO_DATA } from '../frames'
import { Signal } from './signal'

const MEMORY_MS = 60_000

export interface RoadSummary {
  readonly noData: number
  readonly measured: number
}

export class RoadStore {
  readonly changed = new Signal()
  shown = new Uint8Array(0)
  summary: RoadSummary = { noData: 0, measured: 0 }
  private mean = new Float32Array(0)
  private last = new Uint8Array(0)
  private lastMs = 0
  private blind = false

  load(count: number): void {
    if (this.last.length !== count) {
      this.last = new Uint8Array(count).fill(ROAD_NO_DATA)
      this.mean = new Float32Array(count)
    }
    this.refresh()
  }

  /** Take a frame's payload of simulated time `nowMs`; false where it is of another length than the roads of the map. */
  apply(payload: Uint8Array, nowMs: number): boolean {
    if (payload.length !== this.last.length) return false
    const gone = nowMs - this.lastMs
    const weight = gone < 0 || gone > 5 * MEMORY_MS ? 1 : gone / (gone + MEMORY_MS)
    for (let road = 0; road < payload.length; road++) {
      const now = payload[road] ?? ROAD_NO_DATA
      const known = this.last[road] !== ROAD_NO_DATA
      const mean = this.mean[road] ?? 0
      if (now !== ROAD_NO_DATA) this.mean[road] = known ? mean + (now - mean) * weight : now
    }
    this.last = Uint8Array.from(payload)
    this.lastMs = nowMs
    this.refresh()
    return true
  }

  setBlind(blind: boolean): void {
    if (blind === this.blind) return
    this.blind = blind
    this.refresh()
  }

  private refresh(): void {
    let noData = 0
    const next = new Uint8Array(this.last.length)
    for (let road = 0; road < next.length; road++) {
      const known = !this.blind && this.last[road] !== ROAD_NO_DATA
      next[road] = known ? Math.round(this.mean[road] ?? 0) : ROAD_NO_DATA
      if (!known) noData++
    }
    this.shown = next
    this.summary = { noData, measured: next.length - noData }
    this.changed.emit()
  }
}
