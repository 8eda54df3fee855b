/** Going back, and running until something is so: the instructor's hold on time beside pause and pace. */

import { type FormEvent, useState } from 'react'
import { clockAt, duration, localParts } from '../format'
import { instantOf, share } from '../time-line'
import { type ExerciseClock, exercise } from './api'
import { linesOf } from './Script'
import { explain, type Shell, useAsk } from './shell'

interface Props {
  readonly shell: Shell
  readonly clock: ExerciseClock
  readonly note: (text: string) => void
}

/** What one would go back to: what the script and the instructor made happen. */
function useMarks(shell: Shell) {
  const { value } = useAsk(exercise.timeline, 5_000)
  return value ? linesOf(value, shell).filter((line) => line.state !== 'due' && line.atMs > 0) : []
}

export function GoBack({ shell, clock, note }: Props) {
  const { t } = shell
  const startAt = clock.start_at ?? ''
  const [text, setText] = useState('')
  const [keep, setKeep] = useState(false)
  const [busy, setBusy] = useState(false)
  const marks = useMarks(shell)
  const line = { from_ms: 0, until_ms: clock.now_ms }
  const at = instantOf(text, startAt, clock.now_ms)
  const go = async (event: FormEvent) => {
    event.preventDefault()
    if (at === null) return note(t.notInPast)
    setBusy(true)
    note(t.goingBack)
    try {
      const went = await exercise.jump(at, keep)
      setText('')
      note(t.wentBack.replace('{run}', went.run.id).replace('{time}', localParts(went.clock.local ?? '').time))
    } catch (error) {
      note(explain(error, t))
    }
    setBusy(false)
  }
  return (
    <section className="go-back" aria-label={t.goBack} data-testid="go-back">
      <div className="past">
        <button
          type="button"
          className="past-line"
          aria-hidden="true"
          tabIndex={-1}
          onClick={(event) => {
            const box = event.currentTarget.getBoundingClientRect()
            setText(clockAt(startAt, (clock.now_ms * (event.clientX - box.left)) / Math.max(1, box.width)))
          }}
        />
        {at !== null && <i className="past-at" style={{ left: `${share(line, at)}%` }} aria-hidden="true" />}
        {marks.map((mark) => (
          <button
            type="button"
            key={mark.key}
            className="past-mark"
            style={{ left: `${share(line, mark.atMs)}%` }}
            data-testid="past-mark"
            title={`${clockAt(startAt, mark.atMs)} ${mark.title}`}
            aria-label={`${t.goBackTo} ${clockAt(startAt, mark.atMs)}: ${mark.title}`}
            onClick={() => setText(clockAt(startAt, mark.atMs))}
          />
        ))}
      </div>
      <form className="run-to" onSubmit={(event) => void go(event)}>
        <label className="inline" title={t.goBackHint}>
          <span>{t.goBackTo}</span>
          <input
            value={text}
            placeholder={clockAt(startAt, Math.max(0, clock.now_ms - 300_000))}
            data-testid="go-back-time"
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <label className="check">
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.target.checked)} /> {t.keepLater}
        </label>
        <button type="submit" className="violet" disabled={busy || at === null} title={t.goBackHint} data-testid="go-back-button">
          {t.goBack}
          {at !== null && ` −${duration(clock.now_ms - at)}`}
        </button>
      </form>
      <RunUntil shell={shell} clock={clock} note={note} />
    </section>
  )
}

function RunUntil({ shell: { t }, clock, note }: Props) {
  const [expr, setExpr] = useState('')
  const ask = (until: string) =>
    exercise.control({ until_expr: until }).then(
      () => note(''),
      (error) => note(explain(error, t)),
    )
  if (clock.until)
    return (
      <p className="run-to" data-testid="waits-until">
        <span>{t.waitsUntil.replace('{expr}', clock.until)}</span>
        <button type="button" onClick={() => void ask('')}>
          {t.until}
        </button>
      </p>
    )
  return (
    <form
      className="run-to until"
      onSubmit={(event) => {
        event.preventDefault()
        if (expr.trim() !== '') void ask(expr.trim())
      }}
    >
      <input
        aria-label={t.runUntil}
        placeholder={t.runUntilHint}
        value={expr}
        onChange={(event) => setExpr(event.target.value)}
      />
      <button type="submit" disabled={expr.trim() === ''}>
        {t.runUntil}
      </button>
      {clock.until_said && <span className="problem">{clock.until_said}</span>}
    </form>
  )
}

/** A branch is not the run that the class began with. */
export function ExerciseBranch({ shell: { t }, clock }: { readonly shell: Shell; readonly clock: ExerciseClock }) {
  const run = clock.run
  if (!run?.parent) return null
  return (
    <p className="branch-sign" role="status" data-testid="branch-sign" data-run={run.id} data-parent={run.parent}>
      {t.branchOf.replace('{run}', run.parent).replace('{time}', localParts(run.fork_local ?? '').time)}
    </p>
  )
}
