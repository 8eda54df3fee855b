/** Why, why not: the verdict, how long of `for`, and the expression's parts with their values, the end of the chain marked. */

import { clockAt, fill, number } from '../format'
import type { Lang } from '../i18n'
import { promDuration } from './address'
import type { Labels, Reason, Shown, Why, WhyNode } from './api'
import { keyOf } from './bands'
import type { LabTexts } from './texts'

interface Props {
  readonly why: Why
  readonly startAt: string
  readonly lt: LabTexts
  readonly lang: Lang
  readonly chart: (node: WhyNode) => void
  readonly about: (labels: Labels) => void
}

const short = (ms: number) => promDuration(Math.round(ms / 1000))
const MARKS: Readonly<Record<string, string>> = { value: '·', true: '✓', false: '✗', absent: '∅', error: '!' }
const DRAWABLE = new Set(['selector', 'call', 'aggregate', 'comparison', 'arithmetic', 'sign'])
const MOST_SHOWN = 4
const MOST_LABELS = 3
const MOST_OTHERS = 6

export function WhyPanel(props: Props) {
  const { why, startAt, lt, about } = props
  const at = (ms: number | null) => (ms === null ? '–' : clockAt(startAt, ms))
  const words = {
    fires: at(why.fires_at_ms),
    active: at(why.active_at_ms),
    since: at(why.kept_since_ms),
    until: at(why.kept_until_ms),
  }
  const verdict = (lt.verdicts as Readonly<Record<string, string>>)[why.verdict] ?? why.verdict
  return (
    <div className="why" data-testid="why" data-verdict={why.verdict}>
      <p className={`why-verdict verdict-${why.verdict}`}>
        <b>{fill(verdict, words)}</b>
        {why.file && (
          <small className="muted">
            {' '}
            {why.file}:{why.line}
          </small>
        )}
      </p>
      {why.condition === 'pending' && why.held_ms !== null && (
        <div className="why-for">
          <progress max={Math.max(1, why.for_ms)} value={why.held_ms} aria-label={lt.for} />
          <span className="num">{fill(lt.heldOf, { held: short(why.held_ms), hold: short(why.for_ms) })}</span>
        </div>
      )}
      <p className="muted small">
        {fill(lt.evaluated, { t: at(why.evaluated_ms), interval: short(why.interval_ms) })} · {lt.about}{' '}
        {keyOf(why.labels) === '' ? lt.everything : <span className="code">{keyOf(why.labels)}</span>}
      </p>
      <ul className="why-tree">
        <Part node={why.tree} depth={0} {...props} />
      </ul>
      {why.others.length > 0 && (
        <div>
          <h3>{lt.othersTitle}</h3>
          <ul className="why-others">
            {why.others.slice(0, MOST_OTHERS).map((labels) => (
              <li key={keyOf(labels)}>
                <button type="button" className="link" onClick={() => about(labels)}>
                  {keyOf(labels)}
                </button>
              </li>
            ))}
          </ul>
          {why.others_count > MOST_OTHERS && <p className="muted">{fill(lt.more, { n: why.others_count - MOST_OTHERS })}</p>}
        </div>
      )}
    </div>
  )
}

const HOLDS = new Set(['value', 'true'])

/** Parts that cannot have changed the result: beside a side of `or` that holds, or beside a missing left side of `and`, `unless`. */
export function idleOf(node: WhyNode, parts: readonly WhyNode[]): ReadonlySet<number> {
  if (node.kind !== 'set') return new Set()
  if (node.op === 'or') {
    const some = parts.some((part) => HOLDS.has(part.state))
    return new Set(some ? parts.filter((part) => !HOLDS.has(part.state)).map((part) => part.number) : [])
  }
  const first = parts.findIndex((part) => !HOLDS.has(part.state))
  return new Set(first < 0 ? [] : parts.slice(first + 1).map((part) => part.number))
}

/** The parts that a person reads: chains of `and` and `or` as one list, numbers with their comparison, a record as its rule. */
export function partsOf(node: WhyNode): WhyNode[] {
  const children = node.children.filter((child) => child.kind !== 'number' && child.kind !== 'string')
  const [left] = children
  if (node.kind === 'set' && left && left.kind === 'set' && left.op === node.op && node.op !== 'unless')
    return [...partsOf(left), ...children.slice(1)]
  return children
}

function Part(props: Props & { node: WhyNode; depth: number }) {
  const { node, why, lt, lang, startAt, chart, depth } = props
  const ended = why.ended_by.includes(node.number)
  const reason = sayReason(node.reason, lt, lang, startAt)
  const children = partsOf(node)
  const head = node.kind === 'set' ? node.op : node.kind === 'record' ? `${node.op} =` : node.text.replace(/\s+/g, ' ')
  const states = lt.states as Readonly<Record<string, string>>
  // What holds is folded beyond its own line: the way that a person looks for is the one that ended.
  const folded = node.kind === 'record' && HOLDS.has(node.state)
  const idle = idleOf(node, children)
  const inner = children.length > 0 && (
    <ul>
      {children.map((child) =>
        idle.has(child.number) ? (
          <li key={child.number} className="part part-idle" data-state={child.state}>
            <details>
              <summary className="muted">
                <span role="img" aria-label={states[child.state]}>
                  {MARKS[child.state]}
                </span>{' '}
                <code>{shortened(child.text)}</code>
              </summary>
              <ul>
                <Part {...props} node={child} depth={depth + 1} />
              </ul>
            </details>
          </li>
        ) : (
          <Part key={child.number} {...props} node={child} depth={depth + (node.kind === 'record' ? 1 : 0)} />
        ),
      )}
    </ul>
  )
  return (
    <li
      className={`part part-${node.state} ${ended ? 'part-end' : ''}`}
      data-part={node.kind}
      data-state={node.state}
      data-end={ended}
    >
      <div className="part-line">
        <span className="part-mark" role="img" aria-label={states[node.state]}>
          {MARKS[node.state]}
        </span>
        <code>{head}</code>
        {DRAWABLE.has(node.kind) && (
          <button
            type="button"
            className="part-chart"
            title={lt.chartThis}
            aria-label={`${lt.chartThis}: ${head}`}
            onClick={() => chart(node)}
          >
            ∿
          </button>
        )}
      </div>
      {ended && <p className="part-ended">{lt.endedHere}</p>}
      {reason && <p className="part-reason">{reason}</p>}
      {node.kind !== 'set' && node.kind !== 'record' && !(node.kind === 'comparison' && reason && node.shown.length < 2) && (
        <Values node={node} why={why} lt={lt} lang={lang} />
      )}
      {folded ? (
        <details open={depth === 0}>
          <summary className="muted">{lt.records}</summary>
          {inner}
        </details>
      ) : (
        inner
      )}
    </li>
  )
}

const shortened = (text: string) => {
  const line = text.replace(/\s+/g, ' ')
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`
}

function Values({ node, why, lt, lang }: Pick<Props, 'why' | 'lt' | 'lang'> & { node: WhyNode }) {
  const names = telling(node.shown, why.labels)
  const more = Math.max(node.series, node.shown.length) - MOST_SHOWN
  const said = (one: Shown): string => {
    if (node.kind === 'comparison') return `${number(one.value, lang, 4)} ${node.op} ${number(one.other, lang, 4)}`
    if (node.kind === 'range' || node.kind === 'subquery') return fill(lt.samples, { n: one.said ?? '–' })
    return one.value === null ? (one.said ?? '–') : number(one.value, lang, 4)
  }
  return (
    <ul className="part-values">
      {node.shown.slice(0, MOST_SHOWN).map((one) => (
        <li key={one.series} className={one.holds === false ? 'missed' : ''}>
          <b className="num">{said(one)}</b>{' '}
          <span className="muted">
            {names
              .filter((name) => one.labels[name] !== undefined)
              .map((name) => one.labels[name])
              .join(', ')}
            {one.at_ms !== null && ` · ${fill(lt.ago, { d: short(why.evaluated_ms - one.at_ms) })}`}
          </span>
        </li>
      ))}
      {more > 0 && <li className="muted">{fill(lt.more, { n: more })}</li>}
    </ul>
  )
}

/** The labels that tell series apart, a few; of a single one, its device. */
function telling(shown: readonly Shown[], known: Labels): string[] {
  const names = [...new Set(shown.flatMap((one) => Object.keys(one.labels)))].sort()
  if (shown.length < 2) return names.filter((name) => name === 'device_id' && known[name] === undefined)
  const differ = names.filter((name) => new Set(shown.map((one) => one.labels[name])).size > 1)
  return differ.includes('device_id') ? ['device_id'] : differ.slice(0, MOST_LABELS)
}

/** Why a part has no result, in words; nothing where a part of it says so itself. */
export function sayReason(reason: Reason | null, lt: LabTexts, lang: Lang, startAt: string): string {
  if (!reason || reason.code === 'inside') return ''
  const code = reason.code === 'comparison' && Number(reason.of) > 1 ? 'comparisonOf' : reason.code
  const text = (lt.reasons as Readonly<Record<string, string>>)[code] ?? reason.code
  const facts: Record<string, string> = {}
  for (const [name, value] of Object.entries(reason)) {
    if (name.endsWith('_ms') && typeof value === 'number')
      facts[name.slice(0, -3)] = name === 'last_ms' ? clockAt(startAt, value) : short(value)
    else facts[name] = typeof value === 'number' ? number(value, lang, 4) : String(value ?? 'NaN')
  }
  return fill(text, facts)
}
