/** The script beside the truth: what is done, what comes when, what waits for something, and what the instructor added. */

import { clockAt, duration } from '../format'
import { say } from '../i18n'
import { exercise, type Prepared, type ScriptState, type TriggerState } from './api'
import { type Shell, useAsk } from './shell'

interface Props {
  readonly shell: Shell
  readonly now: number
  readonly startAt: string
}

interface Line {
  readonly key: string
  readonly atMs: number
  readonly title: string
  readonly detail: string
  readonly state: 'fired' | 'due' | 'phase' | 'instructor'
}

/** Everything that has or will have an instant, in order; triggers that wait have none. */
export function linesOf(script: ScriptState, shell: Pick<Shell, 't' | 'lang'>): Line[] {
  const { t, lang } = shell
  const named = (entry: Prepared) => say(entry.title, lang) || entry.inject
  const lines: Line[] = script.timeline.map((entry) => ({
    key: entry.id ?? `${entry.inject} ${entry.at_ms}`,
    atMs: entry.fired_ms ?? entry.at_ms ?? 0,
    title: named(entry),
    detail: '',
    state: entry.fired_ms == null ? 'due' : 'fired',
  }))
  for (const trigger of script.triggers) {
    const title = trigger.inject ? say(trigger.title, lang) : ''
    for (const [i, atMs] of trigger.fired_ms.entries())
      if (title) lines.push({ key: `${trigger.id} ${i}`, atMs, title, detail: t.triggered, state: 'fired' })
    for (const [i, atMs] of trigger.due_ms.entries())
      lines.push({
        key: `${trigger.id} due ${i}`,
        atMs,
        title: say(trigger.title, lang),
        detail: t.triggered,
        state: 'due',
      })
  }
  for (const phase of script.phases)
    lines.push({
      key: `phase ${phase.id} ${phase.at_ms}`,
      atMs: phase.at_ms,
      title: say(phase.title, lang) || phase.id,
      detail: t.phase,
      state: 'phase',
    })
  for (const row of script.instructor)
    lines.push({ key: row.id ?? '', atMs: row.now_ms ?? 0, title: named(row), detail: t.by.instructor, state: 'instructor' })
  return lines.sort((a, b) => a.atMs - b.atMs)
}

/** Triggers that may still fire. */
export const waiting = (triggers: readonly TriggerState[]): TriggerState[] =>
  triggers.filter((trigger) => trigger.fired_ms.length + trigger.due_ms.length < trigger.times)

export function Script({ shell, now, startAt }: Props) {
  const { t, lang } = shell
  const { value } = useAsk(exercise.timeline, 2_000)
  const at = (ms: number) => (startAt ? clockAt(startAt, ms) : `T+${duration(ms)}`)
  const lines = value ? linesOf(value, shell) : []
  const past = lines.filter((line) => line.state !== 'due')
  const coming = lines.filter((line) => line.state === 'due')
  const open = value ? waiting(value.triggers) : []
  return (
    <section className="card script" aria-label={t.script} data-testid="script">
      <div className="card-head">
        <h2>{t.script}</h2>
        <span className="muted num" data-testid="coming-count">
          {t.comingCount.replace('{n}', String(coming.length + open.length))}
        </span>
      </div>
      <div className="scroll">
        <ol>
          {past.map((line) => (
            <Row key={line.key} line={line} at={at(line.atMs)} when={`−${duration(Math.max(0, now - line.atMs))}`} />
          ))}
          <li className="script-line now" aria-label={t.now}>
            <time className="num">{at(now)}</time>
            <i />
          </li>
          {coming.map((line) => (
            <Row
              key={line.key}
              line={line}
              at={at(line.atMs)}
              when={t.inTime.replace('{d}', duration(Math.max(0, line.atMs - now)))}
            />
          ))}
        </ol>
        {lines.length === 0 && open.length === 0 && <p className="empty">{t.scriptEmpty}</p>}
        {open.length > 0 && <h3 className="pad domain">{t.waitingTriggers}</h3>}
        <ul className="waiting">
          {open.map((trigger) => (
            <li key={trigger.id} data-trigger={trigger.id}>
              <b>
                {trigger.inject ? '' : `${t.phase}: `}
                {say(trigger.title, lang)}
              </b>
              <span className="muted">
                {say(trigger.waits_for, lang)}
                {trigger.after_ms > 0 ? ` + ${duration(trigger.after_ms)}` : ''}
              </span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  )
}

function Row({ line, at, when }: { readonly line: Line; readonly at: string; readonly when: string }) {
  return (
    <li className={`script-line ${line.state}`} data-state={line.state}>
      <time className="num">{at}</time>
      <span>
        {line.title} {line.detail && <small className="chip">{line.detail}</small>}
      </span>
      <span className="muted num">{when}</span>
    </li>
  )
}
