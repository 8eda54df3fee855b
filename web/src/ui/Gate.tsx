/** Views of the time before the console works: connecting, the city still to come, no seat, center silent, another protocol. */

import { type ReactNode, useState } from 'react'
import type { Messages } from '../i18n'
import type { Phase } from '../store'
import { seatToken } from '../url'
import { PROTOCOL } from '../wire'

interface Props {
  readonly phase: Exclude<Phase, 'ready'>
  readonly problem: string
  readonly t: Messages
  readonly takeSeat: (token: string) => void
  readonly children?: ReactNode
}

export function Gate({ phase, problem, t, takeSeat, children }: Props) {
  return (
    <main className="gate" data-testid="gate" data-phase={phase}>
      <div className="gate-sky" aria-hidden="true" />
      <div className="gate-card card">
        <p className="gate-brand">
          {t.app} <span className="muted">{t.console}</span>
        </p>
        {phase === 'no_seat' && <SeatForm problem={problem} t={t} takeSeat={takeSeat} />}
        {phase === 'connecting' && <Waiting title={t.connecting} />}
        {phase === 'starting' && <Waiting title={t.starting} hint={t.startingHint} />}
        {phase === 'unreachable' && <Waiting title={t.unreachable} hint={t.unreachableHint} />}
        {phase === 'unsupported' && (
          <div role="alert">
            <h1>{t.unsupported.replace('{v}', problem).replace('{ours}', String(PROTOCOL))}</h1>
            <p>{t.unsupportedHint}</p>
            <button type="button" className="primary" onClick={() => location.reload()}>
              {t.reload}
            </button>
          </div>
        )}
        {children}
      </div>
    </main>
  )
}

function Waiting({ title, hint }: { title: string; hint?: string }) {
  return (
    <div role="status">
      <h1>{title}</h1>
      {hint && <p>{hint}</p>}
      <div className="running" aria-hidden="true" />
    </div>
  )
}

function SeatForm({ problem, t, takeSeat }: Pick<Props, 'problem' | 't' | 'takeSeat'>) {
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState('')
  const submit = () => {
    const token = seatToken(text) ?? text.trim()
    if (token === '') return setWrong(t.seatEmpty)
    setWrong('')
    takeSeat(token)
  }
  const said = wrong || (problem === 'wrong' ? t.seatWrong : '')
  return (
    <form
      data-testid="seat-form"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <h1>{t.noSeat}</h1>
      <p>{t.noSeatText}</p>
      <label className="field">
        <span>{t.seatLabel}</span>
        <input
          name="seat"
          value={text}
          autoComplete="off"
          spellCheck={false}
          placeholder="http://…/#seat=…"
          aria-invalid={said !== ''}
          aria-describedby="seat-problem"
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <p id="seat-problem" className="problem" role="alert">
        {said}
      </p>
      <button type="submit" className="primary">
        {t.seatButton}
      </button>
    </form>
  )
}
