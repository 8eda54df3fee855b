/** HTTP of the center: one function per thing asked for, errors as problems with a status. */

import type {
  CityInfo,
  Command,
  CommandType,
  Devices,
  FoundPlace,
  Incident,
  Layers,
  Problem,
  Readings,
  Session,
  Snapshot,
  TimeLine,
} from './wire'

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail || problem.title || `HTTP ${status}`)
  }
}

export async function request<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: body ? { 'content-type': 'application/json', accept: 'application/json' } : { accept: 'application/json' },
      body: body ? JSON.stringify(body) : undefined,
    })
  } catch {
    throw new ApiError(0, { title: 'network', detail: '' })
  }
  const text = await response.text()
  const value: unknown = text === '' ? null : parse(text)
  if (!response.ok)
    throw new ApiError(response.status, typeof value === 'object' && value !== null ? value : { title: response.statusText })
  return value as T
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const get = <T>(path: string) => request<T>('GET', path)
const post = <T>(path: string, body: object) => request<T>('POST', path, body)

/** A fresh id for a command; randomUUID exists on secure origins only, and the booth may be plain HTTP. */
export function commandId(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const b = crypto.getRandomValues(new Uint8Array(16))
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80
  const hex = [...b].map((x) => x.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export interface JudgementAnswer {
  readonly command_id: string
  readonly seq: number
  readonly incident?: Incident
}

export const api = {
  session: () => get<Session>('/api/session'),
  takeSeat: (token: string) => post<Session>('/api/session', { token }),
  /** Null while no city has come. */
  city: () => get<CityInfo | null>('/api/city'),
  layers: (version: number) => get<Layers>(`/api/layers?v=${version}`),
  devices: (version: number) => get<Devices>(`/api/devices?v=${version}`),
  places: (query: string) => get<readonly FoundPlace[]>(`/api/places?q=${encodeURIComponent(query)}`),
  overview: () => get<Snapshot>('/api/overview'),
  incident: (id: string) => get<Incident>(`/api/incidents/${encodeURIComponent(id)}`),
  commandTypes: () => get<readonly CommandType[] | null>('/api/command-types'),
  readings: (device: number, minutes: number) => get<Readings>(`/api/readings/${device}?minutes=${minutes}`),
  timeline: () => get<TimeLine>('/api/timeline'),
  seek: (toMs: number) => post<{ readonly now_ms: number }>('/api/seek', { to_ms: toMs }),
  control: (change: object) => post<unknown>('/api/control', change),
  acknowledgeAlert: (fingerprint: string) =>
    post<JudgementAnswer>(`/api/alerts/${encodeURIComponent(fingerprint)}/acknowledge`, { command_id: commandId() }),
  judge: (incident: string, what: 'acknowledge' | 'comment' | 'assign' | 'state' | 'close', params: object) =>
    post<JudgementAnswer>(`/api/incidents/${encodeURIComponent(incident)}/${what}`, { command_id: commandId(), ...params }),
  command: (type: string, target: { kind: string; id: string }, params: object, incident: string | null) =>
    post<Command>('/api/commands', {
      command_id: commandId(),
      type,
      target,
      params,
      ...(incident ? { incident_id: incident } : {}),
    }),
}
