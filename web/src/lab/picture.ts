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
/** More series than this are not all asked for: a city has tens of thousands of lamps. */
const MANY = 300

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
  const count = countOf(why.tree, charted.text)
  const few = count <= MANY
  const ask = (query: string) => (times.length > 0 ? api.range(query, first, last, step) : Promise.resolve([]))
  const [early, result] = await Promise.all([few ? ask(charted.text) : null, ask(whole)])
  const lanes = rule
    ? lanesOfAlerts(result, times, why.start_ms)
    : lanesOf(linesOf(result, times, why.start_ms), times, why.for_ms, why.keep_firing_for_ms)
  const shown = foremost(lanes, MOST_LANES)
  const drawn = early ?? (await ask(fewOf(charted.text, why.tree, shown, state.labels)))
  const lines = linesOf(drawn, times, why.start_ms)
  return {
    why,
    times,
    charted,
    lines: chosen(lines, shown, state.labels, charted.threshold),
    lineCount: Math.max(lines.length, few ? 0 : count),
    lanes: shown,
    laneCount: lanes.filter((lane) => lane.bands.length > 0).length,
    recorded: rule !== null,
    unsaid: ['city', ...Object.keys(rule?.labels ?? {})],
    from,
    to,
  }
}

/** How many series a part of the tree has. */
function countOf(tree: WhyNode, text: string): number {
  return nodeOf(tree, text)?.everywhere ?? 0
}

function nodeOf(tree: WhyNode, text: string): WhyNode | null {
  if (tree.text === text) return tree
  for (const child of tree.children) {
    const found = nodeOf(child, text)
    if (found) return found
  }
  return null
}

/** An expression of very many series cut to those of the alerts and of what is asked about, by one label that tells them apart. */
export function fewOf(text: string, tree: WhyNode, lanes: readonly Lane[], labels: Labels): string {
  const wanted = [labels, ...lanes.map((lane) => lane.labels)]
  const own = Object.keys(nodeOf(tree, text)?.shown[0]?.labels ?? {})
  const values = (name: string) => [...new Set(wanted.flatMap((one) => one[name] ?? []))]
  const best = own.sort((a, b) => values(b).length - values(a).length)[0]
  if (best === undefined || values(best).length === 0) return `limitk(${MANY}, ${text})`
  const terms = values(best).map(
    (value) => `label_replace(vector(1), "${best}", ${JSON.stringify(value.replaceAll('$', '$$$$'))}, "", "")`,
  )
  return `limitk(${MANY}, (${text}) and on (${best}) (${terms.join(' or ')}))`
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
