/** State of all devices in typed arrays, outside React: one byte a device, replaced by each STATE frame. */

import { isLit, SEVERITY_MASK, STALE_BIT } from '../frames'
import type { Devices, KindInfo } from '../wire'
import { Signal } from './signal'

export interface DeviceSummary {
  readonly devices: number
  readonly stale: number
  readonly alarms: number
  readonly lampsOn: number
}

const LAMP = /lumin|lamp/i

/** Whether the devices of a kind glow on the map. Told by metadata, so that other lamp kinds glow as well. */
export function isLampKind(kind: KindInfo): boolean {
  return LAMP.test(kind.name) || kind.icon === 'lamp' || kind.quantities.some((q) => q.metric === 'lamp_level_ratio')
}

export class DeviceStore {
  readonly loaded = new Signal()
  readonly changed = new Signal()
  table: Devices | null = null
  /** What is drawn: the last frame, or everything without data while blind. */
  shown = new Uint8Array(0)
  lampKind: readonly boolean[] = []
  summary: DeviceSummary = { devices: 0, stale: 0, alarms: 0, lampsOn: 0 }
  private last = new Uint8Array(0)
  private blind = false
  private byId = new Map<string, number>()

  get count(): number {
    return this.table?.id.length ?? 0
  }

  load(table: Devices): void {
    const same = this.table?.registry_version === table.registry_version
    this.table = table
    this.byId = new Map(table.id.map((id, index) => [id, index]))
    this.lampKind = table.kinds.map(isLampKind)
    if (!same || this.last.length !== table.id.length) this.last = new Uint8Array(table.id.length).fill(STALE_BIT)
    this.refresh()
    this.loaded.emit()
  }

  /** Take a frame's payload. A frame of another registry (another length) is refused: false. */
  apply(payload: Uint8Array): boolean {
    if (payload.length !== this.last.length) return false
    this.last = Uint8Array.from(payload)
    this.refresh()
    return true
  }

  /** While blind (no connection, no city) nothing that was once measured is shown as if it were still so. */
  setBlind(blind: boolean): void {
    if (blind === this.blind) return
    this.blind = blind
    this.refresh()
  }

  indexOf(id: string): number {
    return this.byId.get(id) ?? -1
  }

  kindOf(index: number): KindInfo | undefined {
    const kind = this.table?.kind[index]
    return kind === undefined ? undefined : this.table?.kinds[kind]
  }

  private refresh(): void {
    const next = this.blind ? new Uint8Array(this.last.length).fill(STALE_BIT) : this.last
    if (same(next, this.shown)) return
    this.shown = next
    this.summary = this.sum()
    this.changed.emit()
  }

  private sum(): DeviceSummary {
    const kinds = this.table?.kind ?? []
    let stale = 0
    let alarms = 0
    let lampsOn = 0
    for (let i = 0; i < this.shown.length; i++) {
      const state = this.shown[i] ?? 0
      if (state & STALE_BIT) stale++
      else if (isLit(state) && this.lampKind[kinds[i] ?? -1]) lampsOn++
      if (state & SEVERITY_MASK) alarms++
    }
    return { devices: this.shown.length, stale, alarms, lampsOn }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
