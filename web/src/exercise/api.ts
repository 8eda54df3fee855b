/** HTTP of the exercise: truth, injects, control, debrief. Only the instructor's pages import this. */

import { request } from '../api'
import type { RunInfo, Text } from '../wire'

export interface TruthEvent {
  readonly event_id: string
  readonly kind: string
  readonly place: { readonly kind: string; readonly id: string; readonly name?: string }
  readonly start_ms: number
  readonly end_ms: number | null
  readonly cause_id: string | null
  readonly title?: Text | string
  readonly kind_title?: Text | string
  readonly by?: string
  readonly attributes?: Readonly<Record<string, unknown>>
}

/** Vehicles as they really are, whatever the detectors say. */
export interface TrafficTruth {
  readonly on_road: number
  readonly waiting: number
  readonly entered: number
  readonly left: number
}

export interface InjectParameter {
  readonly name: string
  readonly type: string
  /** `type` is a kind of place */
  readonly place?: boolean
  readonly unit?: string
  readonly help?: string
  readonly title?: Text | string
  readonly minimum?: number | null
  readonly maximum?: number | null
  readonly choices?: readonly string[]
  readonly default?: number | string | null
}

export interface Inject {
  readonly name: string
  readonly title: Text | string
  readonly parameters: readonly InjectParameter[]
  readonly truth_kind?: string | null
  readonly domain?: string
}

/** A place that the picker found. */
export interface PlaceFound {
  readonly id: string
  readonly name: string
  readonly zone: string
}

/** An entry of the script or the palette: an inject with its parameters filled in. */
export interface Prepared {
  readonly inject: string
  readonly params: Readonly<Record<string, unknown>>
  readonly title: Text | string
  readonly id?: string
  readonly at_ms?: number
  readonly fired_ms?: number | null
  readonly now_ms?: number
  /** name of the place that it names, '' where the seed chooses */
  readonly place?: string
}

/** A trigger of the scenario: what it waits for, when it is due, when it fired. */
export interface TriggerState {
  readonly id: string
  readonly title: Text | string
  readonly inject: string | null
  readonly phase: string | null
  readonly after_ms: number
  readonly times: number
  readonly waits_for: Text | string
  readonly due_ms: readonly number[]
  readonly fired_ms: readonly number[]
}

export interface ScriptState {
  readonly timeline: readonly Prepared[]
  readonly triggers: readonly TriggerState[]
  readonly phases: readonly { readonly id: string; readonly at_ms: number; readonly title?: Text }[]
  readonly instructor: readonly Prepared[]
}

export interface DebriefTruth extends TruthEvent {
  readonly detected_ms: number | null
  readonly acknowledged_ms: number | null
  readonly closed_ms: number | null
  readonly incident_id: string | null
}

export interface Expectation {
  readonly id: string
  readonly title: Text | string
  /** null while it is open */
  readonly met: boolean | null
  /** false: it is about something that did not come in this run */
  readonly applies?: boolean
  readonly score?: number
  readonly earned?: number
  readonly detail?: Text | string | null
  readonly at_ms?: number | null
}

export interface DebriefIncident {
  readonly incident_id: string
  readonly title: Text | string
  readonly severity?: string
  readonly state?: string
  readonly opened_ms: number
  readonly acknowledged_ms?: number | null
  readonly closed_ms?: number | null
  readonly alert_count?: number
}

export interface Debrief {
  readonly scenario: string
  readonly run: string
  readonly start_at?: string
  readonly warm_up_ms?: number
  readonly title?: Text | string
  readonly duration_ms: number
  readonly truth: readonly DebriefTruth[]
  readonly expectations: readonly Expectation[]
  readonly incidents: readonly DebriefIncident[]
  readonly kpis: Readonly<Record<string, unknown>>
  readonly hidden?: readonly { readonly text: Text | string; readonly at_ms: number | null }[]
  readonly variants?: readonly {
    readonly id: string
    readonly title: Text | string | null
    readonly values: Readonly<Record<string, unknown>>
  }[]
}

/** The clock of the city, as far as the exercise tells it. */
export interface ExerciseClock {
  readonly now_ms: number
  readonly local?: string
  readonly start_at?: string
  readonly pace?: string | number
  readonly achieved_pace?: number
  readonly achieved?: number
  readonly paused?: boolean
  readonly warming_up?: boolean
  readonly ended?: boolean
  /** from T+0 */
  readonly t_ms?: number
  readonly until?: string | null
  readonly until_said?: string | null
  readonly run?: RunInfo
}

const base = '/exercise/api'

/** A list that may come bare or under a name; parameters that may come as a list or by name. */
export function listOf<T>(value: unknown, name: string): readonly T[] {
  if (Array.isArray(value)) return value as T[]
  const inner = (value as Record<string, unknown> | null)?.[name]
  return Array.isArray(inner) ? (inner as T[]) : []
}

/** Read the palette: parameters come as a list, or by name with their description. */
export function readInjects(value: unknown): readonly Inject[] {
  return listOf<Inject & { parameters: unknown }>(value, 'injects').map((inject) => ({
    ...inject,
    parameters: readParameters(inject.parameters),
  }))
}

function readParameters(value: unknown): readonly InjectParameter[] {
  if (Array.isArray(value)) return value as InjectParameter[]
  return Object.entries((value ?? {}) as Record<string, unknown>).map(([name, about]) => {
    if (Array.isArray(about)) return { name, type: String(about[0]), unit: String(about[1] ?? ''), help: String(about[2] ?? '') }
    return { ...(about as Omit<InjectParameter, 'name'>), name }
  })
}

export const exercise = {
  takeSeat: (token: string) => request<unknown>('POST', `${base}/session`, { token }),
  session: () => request<unknown>('GET', `${base}/session`),
  truth: async () => {
    const answer = await request<{ traffic?: TrafficTruth }>('GET', `${base}/truth`)
    return { events: listOf<TruthEvent>(answer, 'truth'), traffic: answer.traffic ?? null }
  },
  timeline: async (): Promise<ScriptState> => {
    const answer = await request<unknown>('GET', `${base}/timeline`)
    return {
      timeline: listOf<Prepared>(answer, 'timeline'),
      triggers: listOf<TriggerState>(answer, 'triggers'),
      phases: listOf<{ id: string; at_ms: number; title?: Text }>(answer, 'phases'),
      instructor: listOf<Prepared>(answer, 'instructor'),
    }
  },
  places: (kind: string, query: string) =>
    request<readonly PlaceFound[]>('GET', `${base}/places?kind=${encodeURIComponent(kind)}&q=${encodeURIComponent(query)}`),
  injects: async () => {
    const answer = await request<unknown>('GET', `${base}/injects`)
    return { palette: listOf<Prepared>(answer, 'palette'), injects: readInjects(answer) }
  },
  inject: (name: string, params: object, title?: Text | string) =>
    request<unknown>('POST', `${base}/inject`, { name, params, ...(typeof title === 'object' ? { title } : {}) }),
  control: (change: object) => request<unknown>('POST', `${base}/control`, change),
  jump: (toMs: number, keep: boolean) =>
    request<{ readonly run: RunInfo; readonly clock: ExerciseClock }>('POST', `${base}/jump`, {
      to_ms: toMs,
      keep_commands: keep,
    }),
  debrief: () => request<Debrief>('GET', `${base}/debrief`),
}
