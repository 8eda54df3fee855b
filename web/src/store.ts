/** What the console knows, and how each message changes it: a pure reducer, no DOM, no clock, no React. */

import {
  type Alert,
  type CityInfo,
  type Clock,
  type Command,
  type CommandType,
  type Counts,
  type FeedEvent,
  type Incident,
  PROTOCOL,
  type RunInfo,
  type Session,
  type Snapshot,
  type TimelineEntry,
} from './wire'

export type Phase = 'connecting' | 'starting' | 'no_seat' | 'unsupported' | 'unreachable' | 'ready'

export interface Toast {
  readonly id: number
  readonly tone: 'error' | 'info'
  readonly text: string
}

export interface OpsState {
  readonly phase: Phase
  readonly problem: string
  readonly session: Session | null
  readonly city: CityInfo | null
  readonly commandTypes: readonly CommandType[]
  readonly socket: 'connecting' | 'open' | 'lost'
  readonly clock: Clock | null
  readonly run: RunInfo | null
  readonly alerts: ReadonlyMap<string, Alert>
  readonly incidents: ReadonlyMap<string, Incident>
  readonly timelines: ReadonlyMap<string, readonly TimelineEntry[]>
  readonly commands: ReadonlyMap<string, Command>
  readonly counts: Readonly<Record<string, Counts>>
  readonly alarmRate: number
  readonly badMessages: number
  /** Why the center cannot use the city that came, if so. */
  readonly refused: string
  readonly registryVersion: number
  readonly lastSeq: number
  readonly branch: string
  /** Grows each time the whole state has to be fetched again. */
  readonly resyncs: number
  readonly toasts: readonly Toast[]
  readonly toastCount: number
}

export const INITIAL: OpsState = {
  phase: 'connecting',
  problem: '',
  session: null,
  city: null,
  commandTypes: [],
  socket: 'connecting',
  clock: null,
  run: null,
  alerts: new Map(),
  incidents: new Map(),
  timelines: new Map(),
  commands: new Map(),
  counts: {},
  alarmRate: 0,
  badMessages: 0,
  refused: '',
  registryVersion: 0,
  lastSeq: 0,
  branch: '',
  resyncs: 0,
  toasts: [],
  toastCount: 0,
}

export type Action =
  | { readonly do: 'ready'; readonly session: Session; readonly city: CityInfo; readonly commandTypes: readonly CommandType[] }
  | { readonly do: 'phase'; readonly phase: Phase; readonly problem?: string }
  | { readonly do: 'socket'; readonly socket: OpsState['socket'] }
  | { readonly do: 'event'; readonly event: FeedEvent }
  | { readonly do: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly do: 'incident'; readonly incident: Incident }
  | { readonly do: 'command'; readonly command: Command }
  | { readonly do: 'toast'; readonly tone: Toast['tone']; readonly text: string }
  | { readonly do: 'untoast'; readonly id: number }

const COMMANDS_KEPT = 200
const TOASTS_KEPT = 4

export function reduce(state: OpsState, action: Action): OpsState {
  switch (action.do) {
    case 'ready':
      return { ...state, phase: 'ready', session: action.session, city: action.city, commandTypes: action.commandTypes }
    case 'phase':
      return { ...state, phase: action.phase, problem: action.problem ?? '' }
    case 'socket':
      return { ...state, socket: action.socket }
    case 'snapshot':
      return withSnapshot(state, action.snapshot)
    case 'incident':
      return withIncident(state, action.incident, null)
    case 'command':
      return withCommand(state, action.command)
    case 'toast': {
      const toast = { id: state.toastCount, tone: action.tone, text: action.text }
      return { ...state, toasts: [...state.toasts, toast].slice(-TOASTS_KEPT), toastCount: state.toastCount + 1 }
    }
    case 'untoast':
      return { ...state, toasts: state.toasts.filter((toast) => toast.id !== action.id) }
    case 'event':
      return withEvent(state, action.event)
  }
}

/** Another branch is another past: what was known of the one before is no more. */
function withBranch(state: OpsState, branch: string | undefined): OpsState {
  if (branch === undefined || branch === state.branch) return state
  if (state.branch === '') return { ...state, branch }
  const { alerts, incidents, timelines, commands } = INITIAL
  return { ...state, branch, alerts, incidents, timelines, commands }
}

function withEvent(known: OpsState, event: FeedEvent): OpsState {
  const before = withBranch(known, event.branch)
  const state = event.seq !== undefined && event.seq !== before.lastSeq ? { ...before, lastSeq: event.seq } : before
  switch (event.type) {
    case 'hello':
      if (event.protocol !== PROTOCOL) return { ...state, phase: 'unsupported', problem: String(event.protocol) }
      return { ...state, registryVersion: event.registry_version }
    case 'snapshot':
      return withSnapshot(state, 'snapshot' in event ? event.snapshot : event)
    case 'clock':
      return { ...state, clock: 'clock' in event ? event.clock : event }
    case 'alert':
      return { ...state, alerts: put(state.alerts, event.alert.fingerprint, event.alert) }
    case 'incident':
      return withIncident(state, event.incident, event.entry ?? null)
    case 'command':
      return withCommand(state, event.command)
    case 'registry':
      return { ...state, registryVersion: event.registry_version }
    case 'resync':
      return { ...state, resyncs: state.resyncs + 1 }
    case 'health':
      return {
        ...state,
        badMessages: event.bad_messages ?? state.badMessages,
        refused: event.refused ?? '',
        alarmRate: event.alarm_rate_per_10min ?? state.alarmRate,
        counts: event.counts ?? state.counts,
      }
    default:
      return state // an event of a later release: what we do not know does not concern us
  }
}

function withSnapshot(state: OpsState, snapshot: Snapshot): OpsState {
  return {
    ...state,
    clock: snapshot.clock,
    run: snapshot.run ?? state.run,
    alerts: new Map(snapshot.alerts.map((alert) => [alert.fingerprint, alert])),
    incidents: new Map(snapshot.incidents.map((incident) => [incident.incident_id, incident])),
    commands: new Map(snapshot.commands.map((command) => [command.command_id, command])),
    counts: snapshot.counts,
    alarmRate: snapshot.alarm_rate_per_10min,
    badMessages: snapshot.bad_messages,
    refused: snapshot.refused ?? '',
  }
}

/** Take an incident unless a newer version is known; the list of alerts survives events that leave it out. */
function withIncident(state: OpsState, incident: Incident, entry: TimelineEntry | null): OpsState {
  const known = state.incidents.get(incident.incident_id)
  const timelines = withTimeline(state.timelines, incident, entry)
  if (known && known.version > incident.version) return { ...state, timelines }
  const { timeline: _, ...rest } = incident
  const merged = { ...rest, alerts: incident.alerts ?? known?.alerts }
  return { ...state, incidents: put(state.incidents, incident.incident_id, merged), timelines }
}

function withTimeline(timelines: OpsState['timelines'], incident: Incident, entry: TimelineEntry | null): OpsState['timelines'] {
  const id = incident.incident_id
  const known = timelines.get(id) ?? []
  const added = [...(incident.timeline ?? []), ...(entry ? [entry] : [])].filter((e) => !known.some((k) => sameEntry(k, e)))
  if (added.length === 0) return timelines
  const all = [...known, ...added].sort((a, b) => a.now_ms - b.now_ms || a.seq - b.seq)
  return put(timelines, id, all)
}

const sameEntry = (a: TimelineEntry, b: TimelineEntry): boolean => a.seq === b.seq && a.kind === b.kind && a.now_ms === b.now_ms

const COMMAND_ORDER = { requested: 0, accepted: 1, done: 2, failed: 2 } as const

/** Take a command unless it would go back in its life. */
function withCommand(state: OpsState, command: Command): OpsState {
  const known = state.commands.get(command.command_id)
  if (known && COMMAND_ORDER[known.state] > COMMAND_ORDER[command.state]) return state
  const commands = put(state.commands, command.command_id, command)
  while (commands.size > COMMANDS_KEPT) commands.delete(commands.keys().next().value as string)
  return { ...state, commands }
}

function put<V>(map: ReadonlyMap<string, V>, key: string, value: V): Map<string, V> {
  return new Map(map).set(key, value)
}

/** A store: a state, a way to change it, and listeners. */
export interface Store<S, A> {
  readonly get: () => S
  readonly dispatch: (action: A) => void
  readonly subscribe: (listener: () => void) => () => void
}

/** `wake` decides when listeners hear: at once without it. In a flood each change of its own would draw everything anew, and
 * React gives up on a page that changes fifty times before it is drawn. */
export function createStore<S, A>(
  reducer: (state: S, action: A) => S,
  initial: S,
  wake: (tell: () => void) => void = (tell) => tell(),
): Store<S, A> {
  let state = initial
  let waiting = false
  const listeners = new Set<() => void>()
  const tell = () => {
    waiting = false
    for (const listener of [...listeners]) listener()
  }
  return {
    get: () => state,
    dispatch: (action) => {
      const next = reducer(state, action)
      if (next === state) return
      state = next
      if (waiting) return
      waiting = true
      wake(tell)
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
