/** The line of time of a replay: where it stands, the incidents on it, and how to be elsewhere. */

import { useEffect, useState } from 'react'
import { api } from '../api'
import { clockAt } from '../format'
import { say } from '../i18n'
import { neighbours, share } from '../time-line'
import type { TimeLine } from '../wire'
import { useConsole, useOps, usePermission, useText } from './context'

const STEP_MS = 1_000
const RETRY_MS = 2_000

export function Scrubber() {
  const replay = useOps((state) => state.clock?.mode === 'REPLAY')
  const [line, setLine] = useState<TimeLine | null>(null)
  useEffect(() => {
    if (!replay || line) return
    const load = () => void api.timeline().then(setLine, (error) => console.warn('timeline', error))
    load()
    const timer = setInterval(load, RETRY_MS)
    return () => clearInterval(timer)
  }, [replay, line])
  return replay && line ? <Line line={line} /> : null
}

function Line({ line }: { line: TimeLine }) {
  const { ops } = useConsole()
  const { t, lang } = useText()
  const now = useOps((state) => state.clock?.now_ms ?? 0)
  const startAt = useOps((state) => state.city?.start_at ?? '')
  const may = usePermission('control')
  const [held, setHeld] = useState<number | null>(null)
  const shown = held ?? now
  const { before, after } = neighbours(line.marks, now)
  const go = (toMs: number) => {
    setHeld(toMs)
    void ops.seek(Math.min(toMs, line.until_ms)).then(() => setHeld(null))
  }
  return (
    <section className="scrubber" aria-label={t.lineOfTime} data-testid="scrubber" data-until-ms={line.until_ms}>
      <button
        type="button"
        className="icon"
        disabled={!may || !before}
        aria-label={t.markBefore}
        title={t.markBefore}
        onClick={() => before && go(before.at_ms)}
      >
        <Step back />
      </button>
      <span className="num muted">{clockAt(startAt, line.from_ms)}</span>
      <div className="scrub-line">
        <div className="scrub-done" style={{ width: `${share(line, shown)}%` }} aria-hidden="true" />
        {line.start_ms !== undefined && line.start_ms > 0 && (
          <i className="scrub-start" style={{ left: `${share(line, line.start_ms)}%` }} title="T+0" />
        )}
        <input
          type="range"
          min={line.from_ms}
          max={line.until_ms}
          step={STEP_MS}
          value={shown}
          disabled={!may}
          aria-label={t.lineOfTime}
          aria-valuetext={clockAt(startAt, shown)}
          onChange={(event) => setHeld(Number(event.target.value))}
          onPointerUp={(event) => go(Number(event.currentTarget.value))}
          onKeyUp={(event) => held !== null && go(Number(event.currentTarget.value))}
        />
        {line.marks.map((mark) => (
          <button
            type="button"
            key={mark.incident_id}
            className={`scrub-mark sev-${mark.severity}`}
            style={{ left: `${share(line, mark.at_ms)}%` }}
            disabled={!may}
            data-testid="scrub-mark"
            data-incident={mark.incident_id}
            title={`${clockAt(startAt, mark.at_ms)} ${say(mark.title, lang)}`}
            aria-label={`${clockAt(startAt, mark.at_ms)} ${say(mark.title, lang)}`}
            onClick={() => go(mark.at_ms)}
          />
        ))}
        {held !== null && (
          <output className="scrub-at num" style={{ left: `${share(line, held)}%` }}>
            {clockAt(startAt, held)}
          </output>
        )}
      </div>
      <span className="num muted">{clockAt(startAt, line.until_ms)}</span>
      <button
        type="button"
        className="icon"
        disabled={!may || !after}
        aria-label={t.markAfter}
        title={t.markAfter}
        onClick={() => after && go(after.at_ms)}
      >
        <Step />
      </button>
    </section>
  )
}

/** A triangle against a bar, drawn: fonts have these as emoji or not at all. */
function Step({ back }: { back?: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" style={back ? { transform: 'scaleX(-1)' } : undefined}>
      <path d="M3 3l7 5-7 5zM11 3h2v10h-2z" fill="currentColor" />
    </svg>
  )
}
