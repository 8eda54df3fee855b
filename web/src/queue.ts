/** The queue of things to act on: its order, and holding it still under the pointer. Pure, no DOM. */

import type { Alert, Incident, Severity, Text } from './wire'

export const SEVERITY_ORDER: Readonly<Record<Severity, number>> = { critical: 0, major: 1, minor: 2, info: 3 }

export interface QueueRow {
  readonly key: string
  readonly type: 'incident' | 'alert'
  readonly id: string
  readonly severity: Severity
  readonly acknowledged: boolean
  /** Whether something still fires; a cleared, unacknowledged row stays. */
  readonly active: boolean
  readonly openedMs: number
  readonly title: Text
  readonly placeName: string
  readonly state: string
  readonly owner: string | null
  readonly alertCount: number
  readonly respondByMs: number | null
}

/** Unacknowledged first, then worst severity, then oldest; the key breaks ties so that the order is total. */
export function compareRows(a: QueueRow, b: QueueRow): number {
  if (a.acknowledged !== b.acknowledged) return a.acknowledged ? 1 : -1
  if (a.severity !== b.severity) return SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity]
  if (a.openedMs !== b.openedMs) return a.openedMs - b.openedMs
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

function incidentRow(incident: Incident): QueueRow {
  return {
    key: `i:${incident.incident_id}`,
    type: 'incident',
    id: incident.incident_id,
    severity: incident.severity,
    acknowledged: incident.acknowledged_by !== null,
    active: incident.firing_count > 0,
    openedMs: incident.opened_ms,
    title: incident.title,
    placeName: incident.place?.name ?? '',
    state: incident.state,
    owner: incident.owner,
    alertCount: incident.alert_count,
    respondByMs: incident.respond_by_ms,
  }
}

function alertRow(alert: Alert): QueueRow {
  const summary = alert.annotations.summary ?? alert.name
  return {
    key: `a:${alert.fingerprint}`,
    type: 'alert',
    id: alert.fingerprint,
    severity: alert.severity,
    acknowledged: alert.acknowledged_by !== null,
    active: alert.condition === 'firing',
    openedMs: alert.fired_ms ?? alert.active_ms ?? 0,
    title: { en: summary, vi: alert.annotations.summary_vi ?? summary },
    placeName: alert.place?.name ?? '',
    state: alert.condition,
    owner: null,
    alertCount: 1,
    respondByMs: null,
  }
}

/** All rows in order: open incidents, and alerts that belong to none and fire or wait for an acknowledgement. */
export function buildRows(incidents: Iterable<Incident>, alerts: Iterable<Alert>): QueueRow[] {
  const rows: QueueRow[] = []
  for (const incident of incidents) if (incident.state !== 'closed') rows.push(incidentRow(incident))
  for (const alert of alerts) {
    if (alert.incident_id || alert.condition === 'pending') continue
    if (alert.condition === 'firing' || (alert.fired_ms !== null && alert.acknowledged_by === null)) rows.push(alertRow(alert))
  }
  return rows.sort(compareRows)
}

export interface QueueView {
  readonly rows: readonly QueueRow[]
  /** Keys of rows that wait behind the "N new" pill. */
  readonly waiting: readonly string[]
  /** Keys of rows that are gone but keep their place until the pointer leaves. */
  readonly gone: ReadonlySet<string>
}

/**
 * What to show. Not held: the rows in order. Held: the rows shown before keep their places (with their new content; a
 * vanished row stays as it was), and arrivals wait.
 */
export function viewQueue(previous: QueueView, rows: readonly QueueRow[], held: boolean): QueueView {
  if (!held) return { rows, waiting: [], gone: new Set() }
  const now = new Map(rows.map((row) => [row.key, row]))
  const shown = new Set(previous.rows.map((row) => row.key))
  return {
    rows: previous.rows.map((row) => now.get(row.key) ?? row),
    waiting: rows.filter((row) => !shown.has(row.key)).map((row) => row.key),
    gone: new Set(previous.rows.filter((row) => !now.has(row.key)).map((row) => row.key)),
  }
}

export const EMPTY_VIEW: QueueView = { rows: [], waiting: [], gone: new Set() }

/** The key `step` places after `current`, staying within the rows; the first row where nothing is selected. */
export function stepSelection(rows: readonly QueueRow[], current: string | null, step: number): string | null {
  if (rows.length === 0) return null
  const at = rows.findIndex((row) => row.key === current)
  if (at < 0) return rows[step > 0 ? 0 : rows.length - 1]?.key ?? null
  return rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.key ?? null
}
