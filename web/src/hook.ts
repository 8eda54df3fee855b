/** `window.__ops`: what browser tests read, instead of pixels. */

import type { Ops } from './ops'

export interface OpsHook {
  readonly framesApplied: number
  readonly framesRefused: number
  readonly lastSeq: number
  readonly devices: number
  readonly devicesStale: number
  readonly alarmsDrawn: number
  readonly roadsNoData: number
  readonly roadsMeasured: number
  readonly lampsOn: number
  readonly incidentsOpen: number
  readonly connected: boolean
  readonly cityConnected: boolean
  readonly mode: string
  readonly branch: string
  readonly still: boolean
  readonly nowMs: number
}

declare global {
  interface Window {
    __ops?: OpsHook
  }
}

export function exposeHook(ops: Ops): void {
  window.__ops = {
    get framesApplied() {
      return ops.framesApplied
    },
    get framesRefused() {
      return ops.framesRefused
    },
    get lastSeq() {
      return Math.max(ops.store.get().lastSeq, ops.lastFrameSeq)
    },
    get devices() {
      return ops.devices.summary.devices
    },
    get devicesStale() {
      return ops.devices.summary.stale
    },
    get alarmsDrawn() {
      return ops.devices.summary.alarms
    },
    get roadsNoData() {
      return ops.roads.summary.noData
    },
    get roadsMeasured() {
      return ops.roads.summary.measured
    },
    get lampsOn() {
      return ops.devices.summary.lampsOn
    },
    get incidentsOpen() {
      return [...ops.store.get().incidents.values()].filter((incident) => incident.state !== 'closed').length
    },
    get connected() {
      return ops.store.get().socket === 'open'
    },
    get cityConnected() {
      return ops.store.get().clock?.city_connected ?? false
    },
    get mode() {
      return ops.store.get().clock?.mode ?? ''
    },
    get branch() {
      return ops.store.get().branch
    },
    get still() {
      return ops.store.get().clock?.paused ?? false
    },
    get nowMs() {
      return ops.store.get().clock?.now_ms ?? 0
    },
  }
}
