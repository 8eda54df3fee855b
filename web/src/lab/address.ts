/** The lab's state as its address: what is asked, so that a question can be linked. Pure functions on strings. */

import type { Labels } from './api'

export interface LabState {
  readonly expr: string
  readonly alert: string | null
  readonly holdS: number
  readonly keepS: number
  readonly minutes: number
  /** ms from the run's start; null follows now */
  readonly at: number | null
  readonly labels: Labels
  readonly tab: 'query' | 'results'
}

export const START: LabState = { expr: '', alert: null, holdS: 0, keepS: 0, minutes: 30, at: null, labels: {}, tab: 'query' }
export const RANGES = [10, 30, 60, 120]

export function readLab(hash: string): LabState {
  const given = new URLSearchParams(hash.replace(/^#/, ''))
  const whole = (name: string, otherwise: number, most: number) => {
    const value = Number(given.get(name) ?? Number.NaN)
    return Number.isFinite(value) && value >= 0 && value <= most ? Math.floor(value) : otherwise
  }
  const minutes = whole('range', START.minutes, 120)
  const labels: Record<string, string> = {}
  for (const pair of given.getAll('l')) {
    const cut = pair.indexOf('=')
    if (cut > 0) labels[pair.slice(0, cut)] = pair.slice(cut + 1)
  }
  const at = whole('at', -1, 2 ** 53)
  return {
    expr: given.get('q') ?? '',
    alert: given.get('alert') || null,
    holdS: whole('for', 0, 86_400),
    keepS: whole('keep', 0, 86_400),
    minutes: RANGES.includes(minutes) ? minutes : START.minutes,
    at: at < 0 ? null : at,
    labels,
    tab: given.get('tab') === 'results' ? 'results' : 'query',
  }
}

export function writeLab(state: LabState): string {
  const parts = new URLSearchParams()
  if (state.alert) parts.set('alert', state.alert)
  if (state.expr) parts.set('q', state.expr)
  if (state.holdS) parts.set('for', String(state.holdS))
  if (state.keepS) parts.set('keep', String(state.keepS))
  parts.set('range', String(state.minutes))
  if (state.at !== null) parts.set('at', String(Math.round(state.at)))
  for (const [name, value] of Object.entries(state.labels)) parts.append('l', `${name}=${value}`)
  if (state.tab === 'results') parts.set('tab', 'results')
  return `#${parts}`
}

/** The address of the lab at a question about an alert. */
export function labLink(alert: string, labels: Labels, atMs: number | null): string {
  return `/lab${writeLab({ ...START, alert, labels, at: atMs })}`
}

/** Seconds of a duration such as `2m` or `1m30s`, null for what is none. */
export function seconds(text: string): number | null {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }
  const clean = text.trim()
  if (clean === '' || clean === '0') return 0
  if (!/^(\d+[smh])+$/.test(clean)) return null
  return [...clean.matchAll(/(\d+)([smh])/g)].reduce((sum, part) => sum + Number(part[1]) * (units[part[2] ?? 's'] ?? 1), 0)
}

/** Seconds as Prometheus writes a duration. */
export function promDuration(s: number): string {
  if (s === 0) return '0s'
  const [h, m, rest] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60]
  return `${h ? `${h}h` : ''}${m ? `${m}m` : ''}${rest ? `${rest}s` : ''}`
}
