/** Entry of the instructor's desk: the truth, the injects, the clock. Never shown to players. */

import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/base.css'
import '../styles/desk.css'
import '../styles/time.css'
import '../styles/panel.css'
import '../styles/exercise.css'
import { duration, localParts, number, pace } from '../format'
import { LangSwitch } from '../ui/LangSwitch'
import { type ExerciseClock, exercise } from './api'
import { useExerciseFeed } from './feed'
import { ExerciseBranch, GoBack } from './GoBack'
import { Palette } from './Palette'
import { Script } from './Script'
import { explain, Seated, type Shell, useAsk } from './shell'
import { Truth } from './Truth'

const PACES = [0.5, 1, 5, 10, 50, 200, 1000]

function Desk(shell: Shell) {
  const { t } = shell
  const { clock, stamp } = useExerciseFeed()
  const truth = useAsk(exercise.truth, 3_000)
  const [note, setNote] = useState('')
  // biome-ignore lint/correctness/useExhaustiveDependencies: an event on the socket means the truth has changed
  useEffect(() => truth.again(), [stamp])
  return (
    <div className="instructor-page">
      <p className="instructor-banner" data-testid="instructor-banner">
        {t.instructorBanner}
      </p>
      <Header shell={shell} clock={clock} note={setNote} />
      {clock && <GoBack shell={shell} clock={clock} note={setNote} />}
      {clock && <ExerciseBranch shell={shell} clock={clock} />}
      {note && (
        <p className="note" role="status">
          {note}
        </p>
      )}
      <main className="instructor-grid">
        <Palette
          shell={shell}
          done={(text) => {
            setNote(text)
            truth.again()
          }}
        />
        <Script shell={shell} now={clock?.now_ms ?? 0} startAt={clock?.start_at ?? ''} />
        <Truth
          shell={shell}
          events={truth.value?.events ?? []}
          traffic={truth.value?.traffic ?? null}
          now={clock?.now_ms ?? 0}
          startAt={clock?.start_at ?? ''}
        />
      </main>
    </div>
  )
}

function Header({ shell, clock, note }: { shell: Shell; clock: ExerciseClock | null; note: (text: string) => void }) {
  const { t, lang } = shell
  const [until, setUntil] = useState('')
  const control = (change: object) =>
    exercise.control(change).then(
      () => note(''),
      (error) => note(explain(error, t)),
    )
  const { time, date, zone } = localParts(clock?.local ?? '')
  const achieved = clock?.achieved_pace ?? clock?.achieved
  return (
    <header className="status-bar">
      <div className="brand">
        <h1>
          {t.instructorPage}
          <small>{t.app}</small>
        </h1>
      </div>
      <time className="clock" data-testid="clock" data-now-ms={clock?.now_ms ?? 0}>
        <b>{clock?.local ? time : duration(clock?.now_ms ?? 0)}</b>
        <span>
          {zone}
          <br />
          {date}
        </span>
      </time>
      <button type="button" className="primary" data-testid="pause-button" onClick={() => control({ pause: !clock?.paused })}>
        {clock?.paused ? t.resume : t.pause}
      </button>
      <div className="segmented" role="group" aria-label={t.pace}>
        {[...PACES, 'max' as const].map((choice) => (
          <button
            key={choice}
            type="button"
            aria-pressed={pace(clock?.pace) === pace(choice)}
            data-pace={choice}
            onClick={() => control({ pace: choice })}
          >
            {pace(choice)}
          </button>
        ))}
      </div>
      <span className="muted">
        {t.achieved.replace('{pace}', achieved === undefined ? '–' : `×${number(achieved, lang, 2)}`)}
      </span>
      <form
        className="run-to"
        onSubmit={(event) => {
          event.preventDefault()
          const parts = until.split(':').map(Number)
          const seconds = parts.reduce((sum, part) => sum * 60 + part, 0)
          const zero = (clock?.now_ms ?? 0) - (clock?.t_ms ?? 0)
          if (Number.isFinite(seconds) && until !== '') void control({ run_to_ms: Math.round(seconds * 1000) + zero })
        }}
      >
        <input
          aria-label={`${t.goTo} (T+h:mm:ss)`}
          placeholder="T+ 0:45:00"
          value={until}
          onChange={(event) => setUntil(event.target.value)}
        />
        <button type="submit">{t.goTo}</button>
      </form>
      <a className="button" href="/exercise/lab">
        {t.ruleLab}
      </a>
      <a className="button" href="/exercise/debrief">
        {t.openDebrief}
      </a>
      <LangSwitch {...shell} />
    </header>
  )
}

createRoot(document.getElementById('root') as HTMLElement).render(<Seated>{(shell) => <Desk {...shell} />}</Seated>)
