/** One drawing of the lab: asks for what a question needs, and puts it on one axis. Knows no view. */

import type { LabState } from './address'
import type { LabApi, Labels, RuleRow, Why, WhyNode } from './api'
import {
  type Charted,
  chartedOf,
  foremost,
  type Lane,
  type Line,
  lanesOf,
  lanesOfAlerts,
  linesOf,
  stepFor,
  stepsOf,
} from './bands'

export const MOST_LINES = 12
export const MOST_LANES = 12

export interface Picture {
  readonly why: Why
  readonly times: readonly number[]
  readonly charted: Charted
  readonly lines: readonly Line[]
  readonly lineCount: number
  readonly lanes: readonly Lane[]
  readonly laneCount: number
  /** Lanes are what the rules wrote, not what a rule would have done. */
  readonly recorded: boolean
  /** Labels that go without saying: those that the rule itself gives, and the city. */
  readonly unsaid: readonly string[]
  readonly from: number
  readonly to: number
}

export interface Frame {
  readonly from: number
  readonly to: number
}

/** The rule that a question is about, as long as it is unchanged. */
export function ruleOf(state: LabState, rules: readonly RuleRow[]): RuleRow | null {
  if (!state.alert) return null
  return rules.find((rule) => rule.name === state.alert && (state.expr === '' || rule.query === state.expr)) ?? null
}

/** The range to draw: up to now, or around the instant, staying where it is while the instant lies in it. */
export function frameOf(state: LabState, nowMs: number, before: Frame | null): Frame {
  const span = state.minutes * 60_000
  if (state.at === null) return { from: Math.max(0, nowMs - span), to: nowMs }
  if (before && state.at >= before.from && state.at <= before.to && before.to - before.from <= span) return before
  const to = Math.min(nowMs, state.at + span / 4)
  return { from: Math.max(0, to - span), to }
}

/** Whether no label that both have differs. */
export function agree(a: Labels, b: Labels): boolean {
  return Object.entries(a).every(([name, value]) => name === '__name__' || b[name] === undefined || b[name] === value)
}

export function whyOf(api: LabApi, state: LabState, rule: RuleRow | null, labels: Labels): Promise<Why> {
  if (rule) return api.why({ alert: rule.name, labels, atMs: state.at })
  return api.why({ expr: state.expr, labels, atMs: state.at, holdMs: state.holdS * 1000, keepMs: state.keepS * 1000 })
}

export async function draw(
  api: LabApi,
  state: LabState,
  rules: readonly RuleRow[],
  part: WhyNode | null,
  before: Frame | null,
): Promise<Picture> {
  const rule = ruleOf(state, rules)
  const why = await whyOf(api, state, rule, state.labels)
  const { from, to } = frameOf(state, why.now_ms, before)
  const step = stepFor(to - from, why.interval_ms)
  const times = stepsOf(from, to, step)
  const [first, last] = [(times[0] ?? 0) + why.start_ms, (times[times.length - 1] ?? 0) + why.start_ms]
  const charted = chartedOf(part ?? why.tree)
  const whole = rule ? `ALERTS{alertname=${JSON.stringify(rule.name)}}` : why.text
  const [drawn, result] = await Promise.all([
    times.length > 0 ? api.range(charted.text, first, last, step) : [],
    times.length > 0 ? api.range(whole, first, last, step) : [],
  ])
  const lanes = rule
    ? lanesOfAlerts(result, times, why.start_ms)
    : lanesOf(linesOf(result, times, why.start_ms), times, why.for_ms, why.keep_firing_for_ms)
  const shown = foremost(lanes, MOST_LANES)
  const lines = linesOf(drawn, times, why.start_ms)
  return {
    why,
    times,
    charted,
    lines: chosen(lines, shown, state.labels, charted.threshold),
    lineCount: lines.length,
    lanes: shown,
    laneCount: lanes.filter((lane) => lane.bands.length > 0).length,
    recorded: rule !== null,
    unsaid: ['city', ...Object.keys(rule?.labels ?? {})],
    from,
    to,
  }
}

/** The lines worth drawing: those asked about, those of alerts, then those nearest to the threshold. */
function chosen(lines: readonly Line[], lanes: readonly Lane[], labels: Labels, threshold: number | null): Line[] {
  const asked = Object.keys(labels).length > 0
  const rank = (line: Line): number => {
    if (asked && agree(line.labels, labels)) return -2
    if (lanes.some((lane) => agree(line.labels, lane.labels))) return -1
    const last = line.values.findLast((value) => value !== null)
    return last == null || threshold === null ? Number.MAX_VALUE : Math.abs(last - threshold)
  }
  return lines
    .map((line) => [rank(line), line] as const)
    .sort((a, b) => a[0] - b[0] || (a[1].key < b[1].key ? -1 : 1))
    .slice(0, MOST_LINES)
    .map(([, line]) => line)
}
