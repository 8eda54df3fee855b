/** Sample words of the wire for tests. */

import type { Alert, Clock, Command, Incident, Snapshot } from '../src/wire'

export const anAlert = (over: Partial<Alert> = {}): Alert => ({
  fingerprint: 'f1',
  name: 'FeederOutage',
  severity: 'critical',
  condition: 'firing',
  acknowledged_by: null,
  acknowledged_ms: null,
  suppressed: null,
  labels: {},
  annotations: { summary: 'Feeder out', summary_vi: 'Mất điện' },
  active_ms: 1,
  fired_ms: 2,
  resolved_ms: null,
  value: 1,
  devices: [],
  lon: null,
  lat: null,
  place: null,
  incident_id: null,
  ...over,
})

export const anIncident = (over: Partial<Incident> = {}): Incident => ({
  incident_id: '1',
  version: 1,
  state: 'reported',
  severity: 'major',
  title: { vi: 'Sự cố', en: 'Incident' },
  place: { kind: 'feeder', id: 'F01', name: 'Kiến An' },
  lon: 106,
  lat: 20,
  owner: null,
  acknowledged_by: null,
  acknowledged_ms: null,
  opened_ms: 10,
  resolved_ms: null,
  closed_ms: null,
  alert_count: 1,
  firing_count: 1,
  device_count: 0,
  root_alert: null,
  respond_by_ms: null,
  ...over,
})

export const aCommand = (over: Partial<Command> = {}): Command => ({
  command_id: 'c1',
  type: 'dispatch',
  target: { kind: 'feeder', id: 'F01' },
  params: { unit: 'electrician' },
  state: 'requested',
  reason: null,
  who: 'operator',
  requested_ms: 1,
  applied_ms: null,
  done_ms: null,
  incident_id: '1',
  ...over,
})

export const aClock: Clock = {
  now_ms: 5_000,
  local: '2026-03-03T19:12:00+07:00',
  pace: '1',
  achieved_pace: 1,
  paused: false,
  mode: 'LIVE',
  city_connected: true,
  city_age_s: 0,
  warming_up: false,
}

export const aSnapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  clock: aClock,
  alerts: [],
  incidents: [],
  commands: [],
  counts: {},
  alarm_rate_per_10min: 0,
  bad_messages: 0,
  ...over,
})
