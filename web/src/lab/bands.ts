/** When an alert would be pending or firing, from when its expression has a result; and samples put on one axis. Pure. */

import type { Labels, MatrixRow, WhyNode } from './api'

export interface Band {
  readonly from: number
  readonly to: number
  readonly state: 'pending' | 'firing'
}

export interface Lane {
  readonly key: string
  readonly labels: Labels
  readonly bands: readonly Band[]
}

export interface Line {
  readonly key: string
  readonly labels: Labels
  readonly values: readonly (number | null)[]
}

/** The instants of a range: multiples of the step, as the rules' evaluations are. */
export function stepsOf(fromMs: number, toMs: number, stepMs: number): number[] {
  const first = Math.ceil(fromMs / stepMs) * stepMs
  const count = Math.max(0, Math.floor((toMs - first) / stepMs) + 1)
  return Array.from({ length: count }, (_, i) => first + i * stepMs)
}

/** The smallest multiple of the rules' interval with which a range has at most `most` steps. */
export function stepFor(rangeMs: number, intervalMs: number, most = 600): number {
  return Math.max(1, Math.ceil(rangeMs / intervalMs / most)) * intervalMs
}

const NOT_LABELS = new Set(['__name__', 'alertname', 'alertstate'])

/** The labels of a series without its name, as one text. */
export function keyOf(labels: Labels): string {
  return Object.keys(labels)
    .filter((name) => !NOT_LABELS.has(name))
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join(', ')
}

/** What a series is called among others: its labels without those that go without saying. */
export function nameOf(labels: Labels, unsaid: readonly string[]): string {
  const said = Object.fromEntries(Object.entries(labels).filter(([name]) => !unsaid.includes(name)))
  return keyOf(said) || keyOf(labels) || '{}'
}

/** Rows as lines over the instants; `startMs` is the epoch of the run's start. */
export function linesOf(rows: readonly MatrixRow[], times: readonly number[], startMs: number): Line[] {
  const place = new Map(times.map((t, i) => [t, i]))
  return rows.map((row) => {
    const values: (number | null)[] = new Array(times.length).fill(null)
    for (const [at, text] of row.values) {
      const i = place.get(Math.round(at * 1000) - startMs)
      const value = Number(text)
      if (i !== undefined) values[i] = Number.isFinite(value) ? value : null
    }
    return { key: keyOf(row.metric), labels: row.metric, values }
  })
}

/** What an alert with a `for` and a `keep_firing_for` makes of the evaluations at which its expression has a result. */
export function bandsOf(present: readonly boolean[], times: readonly number[], holdMs: number, keepMs: number): Band[] {
  const bands: Band[] = []
  let state: 'inactive' | 'pending' | 'firing' = 'inactive'
  let since = 0
  let active = 0
  let keep: number | null = null
  const end = (at: number) => {
    if (state !== 'inactive' && at > since) bands.push({ from: since, to: at, state })
  }
  const turn = (next: typeof state, at: number) => {
    end(at)
    state = next
    since = at
  }
  times.forEach((at, i) => {
    if (present[i]) {
      keep = null
      if (state === 'inactive') {
        active = at
        turn('pending', at)
      }
      if (state === 'pending' && at - active >= holdMs) turn('firing', at)
    } else if (state === 'firing' && keepMs > 0 && at - (keep ?? at) < keepMs) {
      keep = keep ?? at
    } else if (state !== 'inactive') {
      turn('inactive', at)
      keep = null
    }
  })
  const last = times[times.length - 1]
  const step = times.length > 1 ? (times[1] as number) - (times[0] as number) : 0
  if (last !== undefined) end(last + step)
  return bands
}

/** Lanes of an expression: one for each series that it has a result for. */
export function lanesOf(lines: readonly Line[], times: readonly number[], holdMs: number, keepMs: number): Lane[] {
  return lines.map((line) => ({
    key: line.key,
    labels: line.labels,
    bands: bandsOf(
      line.values.map((value) => value !== null),
      times,
      holdMs,
      keepMs,
    ),
  }))
}

/** Lanes of what the rules wrote of an alert (`ALERTS`): each condition as long as it was written. */
export function lanesOfAlerts(rows: readonly MatrixRow[], times: readonly number[], startMs: number): Lane[] {
  const lanes = new Map<string, { labels: Labels; bands: Band[] }>()
  for (const line of linesOf(rows, times, startMs)) {
    const state = line.labels.alertstate === 'firing' ? 'firing' : 'pending'
    const lane = lanes.get(line.key) ?? { labels: line.labels, bands: [] }
    const there = line.values.map((value) => value !== null)
    for (const { from, to } of bandsOf(there, times, 0, 0)) lane.bands.push({ from, to, state })
    lanes.set(line.key, lane)
  }
  return [...lanes].map(([key, lane]) => ({ key, ...lane, bands: lane.bands.sort((a, b) => a.from - b.from) }))
}

/** Lanes that fire first, then those that wait; at most `most`. */
export function foremost(lanes: readonly Lane[], most: number): Lane[] {
  const length = (lane: Lane, state: Band['state']) =>
    lane.bands.filter((band) => band.state === state).reduce((sum, band) => sum + band.to - band.from, 0)
  return [...lanes]
    .filter((lane) => lane.bands.length > 0)
    .sort((a, b) => length(b, 'firing') - length(a, 'firing') || length(b, 'pending') - length(a, 'pending'))
    .slice(0, most)
}

/** Where any of the lanes is in a state: their bands put together. */
export function union(lanes: readonly Lane[], state: Band['state']): Band[] {
  const all = lanes.flatMap((lane) => lane.bands.filter((band) => band.state === state)).sort((a, b) => a.from - b.from)
  const out: Band[] = []
  for (const band of all) {
    const last = out[out.length - 1]
    if (last && band.from <= last.to) out[out.length - 1] = { ...last, to: Math.max(last.to, band.to) }
    else out.push(band)
  }
  return out
}

export interface Charted {
  /** The part of the expression that is drawn. */
  readonly text: string
  readonly op: string
  readonly threshold: number | null
}

/** What of an expression is worth a chart: the left side of its first comparison with a number, else the whole. */
export function chartedOf(tree: WhyNode): Charted {
  const stack = [tree]
  while (stack.length > 0) {
    const node = stack.pop() as WhyNode
    const [left, right] = node.children
    if (node.kind === 'comparison' && left && right) {
      const number = right.kind === 'number' ? (right.shown[0]?.value ?? null) : null
      if (left.kind !== 'number') return { text: left.text, op: node.op, threshold: number }
    }
    if (node.kind !== 'record') stack.push(...[...node.children].reverse())
  }
  let whole = tree
  // Of `a unless b` without any comparison, what there is of `a` says more than the few instants at which the whole is there.
  while (whole.kind === 'set' && whole.op !== 'or' && whole.children[0]) whole = whole.children[0]
  return { text: whole.text, op: '', threshold: null }
}
