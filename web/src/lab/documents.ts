/** The documents that the rule bench writes, as far as the lab draws them: a sweep, a score. Reading and choosing; pure. */

import type { Text } from '../wire'

export interface Figure {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

export interface Configuration {
  readonly number: number
  readonly label: string
  readonly recall: number | null
  readonly alarms_per_operator_hour: number | null
  readonly false_alarms_per_operator_hour: number | null
  readonly mean_time_to_detect_s: number | null
  readonly pareto: boolean
}

export interface Sweep {
  readonly format: string
  readonly rule: {
    readonly alert: string
    readonly file: string
    readonly line: number
    readonly expr: string
    readonly for_ms: number
  }
  readonly runs: readonly unknown[]
  readonly operator_hours: number
  readonly configurations: readonly Configuration[]
  readonly left_out: number
  readonly current: number
  readonly pareto: readonly number[]
  readonly roc: readonly {
    readonly label: string
    readonly along: string
    readonly points: readonly (readonly (number | null)[])[]
  }[]
  readonly intervals: Readonly<Record<string, Readonly<Record<string, Figure>>>>
  readonly budget: { readonly alarms_per_operator_hour: number; readonly best: number | null }
  readonly proposal: {
    readonly label: string
    readonly file: string
    readonly diff: string
    readonly problem: string | null
  } | null
}

export interface Score {
  readonly format: string
  readonly rules: readonly string[]
  readonly runs: readonly unknown[]
  readonly operator_hours: number
  readonly overall: { readonly figures: Readonly<Record<string, Figure>> }
  readonly by_kind: readonly {
    readonly kind: string
    readonly title: Text
    readonly events: number
    readonly figures: Readonly<Record<string, Figure>>
  }[]
  readonly by_alert: readonly {
    readonly alert: string
    readonly alarms: number
    readonly verdicts: Readonly<Record<string, number>>
    readonly figures: Readonly<Record<string, Figure>>
  }[]
  readonly causes: readonly { readonly cause: string; readonly title: Text; readonly count: number }[]
}

export type BenchDocument = { readonly kind: 'sweep'; readonly sweep: Sweep } | { readonly kind: 'score'; readonly score: Score }

/** What a file that somebody chose is; null for what the lab does not know. */
export function readDocument(text: string): BenchDocument | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { format } = value as { format?: unknown }
  const has = (...names: string[]) => names.every((name) => name in (value as object))
  if (format === 'cityops-sweep/1' && has('configurations', 'pareto', 'roc', 'budget', 'rule'))
    return { kind: 'sweep', sweep: value as Sweep }
  if (format === 'cityops-score/1' && has('overall', 'by_kind', 'by_alert', 'causes'))
    return { kind: 'score', score: value as Score }
  return null
}

export type Mark = 'tried' | 'front' | 'now' | 'best'

export interface Spot {
  readonly configuration: Configuration
  readonly mark: Mark
  readonly x: number
  readonly y: number
}

const MOST_SPOTS = 2_500

/** The configurations as points of load and recall: those that matter last, so that they lie on top; not more than can be drawn. */
export function spotsOf(sweep: Sweep, most = MOST_SPOTS): Spot[] {
  const front = new Set(sweep.pareto)
  const mark = (n: number): Mark =>
    n === sweep.budget.best ? 'best' : n === sweep.current ? 'now' : front.has(n) ? 'front' : 'tried'
  const rank: Readonly<Record<Mark, number>> = { tried: 0, front: 1, now: 2, best: 3 }
  const spots = sweep.configurations.flatMap((configuration) => {
    const { recall, alarms_per_operator_hour: load } = configuration
    return recall === null || load === null ? [] : [{ configuration, mark: mark(configuration.number), x: load, y: recall }]
  })
  return spots.sort((a, b) => rank[a.mark] - rank[b.mark] || a.y - b.y).slice(-most)
}

export interface Curve {
  readonly label: string
  readonly points: readonly (readonly [number, number])[]
}

/** The curves with the most area below them: recall against false alarms. */
export function curvesOf(sweep: Sweep, most: number): Curve[] {
  const curves = sweep.roc
    .map(({ label, along, points }) => ({
      label: label || along,
      points: points.flatMap(([x, y]) => (x == null || y == null ? [] : [[x, y] as const])),
    }))
    .filter((curve) => curve.points.length > 1)
  const right = Math.max(1e-9, ...curves.flatMap((curve) => curve.points.map(([x]) => x)))
  const area = ({ points }: Curve) => {
    let [sum, at, best] = [0, 0, 0]
    for (const [x, y] of [...points].sort((a, b) => a[0] - b[0])) {
      sum += best * (x - at)
      ;[at, best] = [x, Math.max(best, y)]
    }
    return sum + best * (right - at)
  }
  return curves.sort((a, b) => area(b) - area(a)).slice(0, most)
}

/** The configurations for the table: now, the best within the budget, then the front. */
export function foremostOf(sweep: Sweep): Configuration[] {
  const by = new Map(sweep.configurations.map((one) => [one.number, one]))
  const numbers = new Set([sweep.current, ...(sweep.budget.best === null ? [] : [sweep.budget.best]), ...sweep.pareto])
  return [...numbers].flatMap((n) => by.get(n) ?? [])
}

/** Round numbers inside 0…top, about so many. */
export function ticksOf(top: number, about = 5): number[] {
  if (!(top > 0) || !Number.isFinite(top)) return [0]
  const raw = top / about
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw) ?? raw
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)))
}
