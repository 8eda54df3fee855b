/** How long an alert waits and is kept, which range is drawn, and drawing it. */

import { useEffect, useState } from 'react'
import { fill } from '../format'
import { type LabState, promDuration, RANGES, seconds } from './address'
import type { LabTexts } from './texts'

interface ControlsProps {
  readonly state: LabState
  readonly lt: LabTexts
  readonly busy: boolean
  readonly change: (next: Partial<LabState>) => void
  readonly run: () => void
  readonly follow: () => void
}

export function Controls({ state, lt, busy, change, run, follow }: ControlsProps) {
  return (
    <form
      className="lab-controls"
      onSubmit={(event) => {
        event.preventDefault()
        run()
      }}
    >
      <Wait label={lt.for} value={state.holdS} change={(holdS) => change({ holdS, alert: null })} />
      <Wait label={lt.keep} value={state.keepS} change={(keepS) => change({ keepS, alert: null })} />
      <label className="field">
        <span>{lt.range}</span>
        <select value={state.minutes} onChange={(event) => change({ minutes: Number(event.target.value) })}>
          {RANGES.map((n) => (
            <option key={n} value={n}>
              {fill(lt.minutes, { n })}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="primary" data-testid="lab-draw" disabled={busy && state.at !== null}>
        {lt.draw}
      </button>
      {state.at !== null && (
        <button
          type="button"
          onClick={() => {
            change({ at: null })
            follow()
          }}
        >
          {lt.follow}
        </button>
      )}
    </form>
  )
}

function Wait({ label, value, change }: { label: string; value: number; change: (s: number) => void }) {
  const [text, setText] = useState(promDuration(value))
  useEffect(() => setText(promDuration(value)), [value])
  const wrong = seconds(text) === null
  return (
    <label className="field">
      <span className="code">{label}</span>
      <input
        value={text}
        size={7}
        spellCheck={false}
        aria-invalid={wrong}
        onChange={(event) => {
          setText(event.target.value)
          const s = seconds(event.target.value)
          if (s !== null && s !== value) change(s)
        }}
      />
    </label>
  )
}
