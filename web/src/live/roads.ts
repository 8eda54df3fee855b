/**
 * Measured speed of all roads in typed arrays, outside React: 255 = no data, else the share of free flow × 200.
 *
 * The center sends the mean of about the last minute, the same to every viewer.
 */

import { ROAD_NO_DATA } from '../frames'
import { Signal } from './signal'

export interface RoadSummary {
  readonly noData: number
  readonly measured: number
}

export class RoadStore {
  readonly changed = new Signal()
  shown = new Uint8Array(0)
  summary: RoadSummary = { noData: 0, measured: 0 }
  private last = new Uint8Array(0)
  private blind = false

  load(count: number): void {
    if (this.last.length !== count) this.last = new Uint8Array(count).fill(ROAD_NO_DATA)
    this.refresh()
  }

  /** Take a frame's payload; false where it is of another length than the roads of the map. */
  apply(payload: Uint8Array): boolean {
    if (payload.length !== this.last.length) return false
    this.last = Uint8Array.from(payload)
    this.refresh()
    return true
  }

  setBlind(blind: boolean): void {
    if (blind === this.blind) return
    this.blind = blind
    this.refresh()
  }

  private refresh(): void {
    const next = this.blind ? new Uint8Array(this.last.length).fill(ROAD_NO_DATA) : this.last
    const noData = next.reduce((count, share) => count + (share === ROAD_NO_DATA ? 1 : 0), 0)
    this.shown = next
    this.summary = { noData, measured: next.length - noData }
    this.changed.emit()
  }
}
