/** The words of the center, as the console reads them: HTTP documents, feed events, binary frames. Types only. */

export const PROTOCOL = 1

export interface Text {
  readonly vi: string
  readonly en: string
}

export type Role = 'observer' | 'operator' | 'instructor'
export type Severity = 'critical' | 'major' | 'minor' | 'info'
export type Condition = 'pending' | 'firing' | 'inactive'
export type IncidentState = 'reported' | 'verified' | 'responding' | 'contained' | 'resolved' | 'closed'
export type CommandState = 'requested' | 'accepted' | 'done' | 'failed'
export type Mode = 'LIVE' | 'PAUSED' | 'REPLAY'

export interface Session {
  readonly role: Role
  readonly name: string
  readonly run: string
  readonly permissions: readonly string[]
}

export interface CityInfo {
  readonly id: string
  readonly title: Text
  readonly schematic: boolean
  readonly attribution: string
  readonly time_zone: string
  readonly lon: number
  readonly lat: number
  readonly bounds: readonly [number, number, number, number]
  readonly registry_version: number
  readonly start_at: string
  readonly exercise: boolean
  readonly exercise_url: string | null
}

export interface QuantityInfo {
  readonly name: string
  readonly metric: string
  readonly unit: string
  readonly title: Text
  readonly minimum?: number | null
  readonly maximum?: number | null
}

export interface KindInfo {
  readonly name: string
  readonly title: Text
  readonly icon: string
  readonly period_ms: number
  readonly quantities: readonly QuantityInfo[]
  readonly commands: readonly string[]
  readonly active?: string
  readonly level?: string
  readonly speed?: string
}

export interface Devices {
  readonly registry_version: number
  readonly kinds: readonly KindInfo[]
  readonly id: readonly string[]
  readonly kind: readonly number[]
  readonly lon: readonly number[]
  readonly lat: readonly number[]
  readonly name: readonly string[]
  readonly zone: readonly number[]
  readonly link: readonly number[]
  readonly cabinet: readonly (number | string)[]
  readonly feeder: readonly string[]
}

export type Collection = GeoJSON.FeatureCollection

export interface Layers {
  readonly roads: Collection
  readonly areas: Collection
  readonly zones: Collection
  readonly buildings: Collection
}

export interface Place {
  readonly kind: string
  readonly id: string
  readonly name: string
}

export interface FoundPlace extends Place {
  readonly lon: number
  readonly lat: number
}

export interface Clock {
  readonly now_ms: number
  readonly local: string
  readonly pace: string | number
  readonly achieved_pace: number
  readonly paused: boolean
  readonly mode: Mode
  readonly city_connected: boolean
  readonly city_age_s: number | null
  readonly warming_up: boolean
  readonly ended?: boolean
  /** The condition at which time is going to stand still. */
  readonly until?: string | null
}

/** Which run is shown; one with a parent is a branch of it. */
export interface RunInfo {
  readonly id: string
  readonly parent: string | null
  readonly fork_at_ms: number | null
  readonly fork_local: string | null
}

/** An incident as a mark on the line of time. */
export interface Mark {
  readonly at_ms: number
  readonly incident_id: string
  readonly severity: Severity
  readonly title: Text
}

export interface TimeLine {
  readonly from_ms: number
  readonly until_ms: number
  /** T+0, where the warm-up ends. */
  readonly start_ms?: number
  readonly marks: readonly Mark[]
}

export interface Alert {
  readonly fingerprint: string
  readonly name: string
  readonly severity: Severity
  readonly condition: Condition
  readonly acknowledged_by: string | null
  readonly acknowledged_ms: number | null
  readonly suppressed: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly active_ms: number | null
  readonly fired_ms: number | null
  readonly resolved_ms: number | null
  readonly value: number | null
  readonly devices: readonly number[]
  readonly lon: number | null
  readonly lat: number | null
  readonly place: Place | null
  readonly incident_id: string | null
}

export type EntryKind =
  | 'opened'
  | 'alert_firing'
  | 'alert_resolved'
  | 'silent'
  | 'acknowledged'
  | 'comment'
  | 'assigned'
  | 'state'
  | 'command_requested'
  | 'command_accepted'
  | 'command_done'
  | 'command_failed'
  | 'closed'

export interface TimelineEntry {
  readonly seq: number
  readonly now_ms: number
  readonly kind: EntryKind | string
  readonly who: string | null
  readonly text: string | null
  readonly data: Readonly<Record<string, unknown>> | null
}

export interface Incident {
  readonly incident_id: string
  readonly version: number
  readonly state: IncidentState
  readonly severity: Severity
  readonly title: Text
  readonly place: Place | null
  readonly lon: number | null
  readonly lat: number | null
  readonly owner: string | null
  readonly acknowledged_by: string | null
  readonly acknowledged_ms: number | null
  readonly opened_ms: number
  readonly resolved_ms: number | null
  readonly closed_ms: number | null
  readonly alert_count: number
  readonly firing_count: number
  readonly device_count: number
  readonly root_alert: string | null
  readonly respond_by_ms: number | null
  /** Its alerts were ended by silence alone; nobody who could tell has spoken since. Absent from an older center. */
  readonly silent_since_ms?: number | null
  readonly timeline?: readonly TimelineEntry[]
  readonly alerts?: readonly (string | Alert)[]
}

export interface Command {
  readonly command_id: string
  readonly type: string
  readonly target: { readonly kind: string; readonly id: string }
  readonly params: Readonly<Record<string, unknown>>
  readonly state: CommandState
  readonly reason: string | null
  readonly who: string | null
  readonly requested_ms: number
  readonly applied_ms: number | null
  readonly done_ms: number | null
  readonly incident_id: string | null
}

export interface ParameterInfo {
  readonly name: string
  readonly type: string
  readonly title?: Text | string
  readonly help?: string
  readonly unit?: string
  readonly minimum?: number | null
  readonly maximum?: number | null
  readonly choices?: readonly string[]
  readonly default?: number | string | null
}

export interface CommandType {
  readonly type: string
  readonly title: Text
  readonly target_kinds: readonly string[]
  readonly parameters: readonly ParameterInfo[]
}

export interface Counts {
  readonly ok: number
  readonly stale: number
  readonly alarm: number
}

export interface Snapshot {
  readonly clock: Clock
  readonly run?: RunInfo
  readonly alerts: readonly Alert[]
  readonly incidents: readonly Incident[]
  readonly commands: readonly Command[]
  readonly counts: Readonly<Record<string, Counts>>
  readonly alarm_rate_per_10min: number
  readonly bad_messages: number
  readonly refused?: string | null
}

interface Stamp {
  readonly seq?: number
  readonly branch?: string
  readonly now_ms?: number
}

export type FeedEvent = Stamp &
  (
    | {
        readonly type: 'hello'
        readonly protocol: number
        readonly run: string
        readonly city: string
        readonly role: Role
        readonly registry_version: number
      }
    | ({ readonly type: 'snapshot' } & (Snapshot | { readonly snapshot: Snapshot }))
    | ({ readonly type: 'clock' } & (Clock | { readonly clock: Clock }))
    | { readonly type: 'alert'; readonly alert: Alert; readonly cause?: unknown }
    | { readonly type: 'incident'; readonly incident: Incident; readonly entry?: TimelineEntry | null }
    | { readonly type: 'command'; readonly command: Command }
    | { readonly type: 'registry'; readonly registry_version: number }
    | { readonly type: 'resync' }
    | { readonly type: 'ping' }
    | {
        readonly type: 'health'
        readonly bad_messages?: number
        readonly refused?: string | null
        readonly alarm_rate_per_10min?: number
        readonly counts?: Snapshot['counts']
      }
  )

export interface Readings {
  readonly t_ms: readonly number[]
  readonly quantities: Readonly<Record<string, readonly (number | null)[]>>
}

export interface Problem {
  readonly type?: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
}
