/** Entry of the debrief: what happened beside what was seen and done, and which expectations were met. */

import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/base.css'
import '../styles/desk.css'
import '../styles/panel.css'
import '../styles/exercise.css'
import { clockAt, duration, number } from '../format'
import { say } from '../i18n'
import { LangSwitch } from '../ui/LangSwitch'
import { type Debrief, type DebriefTruth, exercise } from './api'
import { explain, Seated, type Shell, useAsk } from './shell'
import { isOrdinary, truthTitle } from './Truth'

function Page(shell: Shell) {
  const { t } = shell
  const { value, error, again } = useAsk(exercise.debrief, 15_000)
  return (
    <div className="instructor-page">
      <p className="instructor-banner">{t.instructorBanner}</p>
      <header className="status-bar">
        <div className="brand">
          <h1>
            {t.debrief}
            <small>{t.debriefLead}</small>
          </h1>
        </div>
        {value && (
          <>
            <span>
              <span className="muted">{t.scenario}</span> <b>{say(value.title, shell.lang) || value.scenario}</b>
            </span>
            <span className="num">
              <span className="muted">{t.lasted}</span> {duration(value.duration_ms)}
            </span>
            <span className="muted">{value.run}</span>
          </>
        )}
        <button type="button" onClick={again}>
          {t.refresh}
        </button>
        <a className="button" href="/exercise/">
          {t.openInstructor}
        </a>
        <LangSwitch {...shell} />
      </header>
      {error !== null && (
        <p className="note" role="alert">
          {explain(error, t)}
        </p>
      )}
      {value ? <Report shell={shell} debrief={value} /> : <p className="empty">{t.noDebrief}</p>}
    </div>
  )
}

function Report({ shell, debrief }: { shell: Shell; debrief: Debrief }) {
  const { t, lang } = shell
  const [ordinary, setOrdinary] = useState(false)
  const at = (ms: number) => (debrief.start_at ? clockAt(debrief.start_at, ms) : `T+${duration(ms)}`)
  return (
    <main className="debrief" data-testid="debrief">
      <section className="card">
        <h2>{t.expectations}</h2>
        <ul className="expectations">
          {debrief.expectations.map((expectation) => (
            <li
              key={expectation.id}
              className={expectation.met === false ? 'not-met' : 'met'}
              data-met={String(expectation.met)}
              data-expectation={expectation.id}
            >
              <b aria-hidden="true">{expectation.met === null ? '…' : expectation.met ? '✓' : '✗'}</b>
              <div>
                {say(expectation.title, lang)}{' '}
                <span className="chip">
                  {expectation.applies === false
                    ? t.doesNotApply
                    : expectation.met === null
                      ? t.stillOpen
                      : expectation.met
                        ? t.met
                        : t.notMet}
                </span>
                {expectation.detail && <p className="muted">{say(expectation.detail, lang)}</p>}
              </div>
              <time className="num muted">{expectation.at_ms != null ? at(expectation.at_ms) : ''}</time>
            </li>
          ))}
        </ul>
      </section>
      {((debrief.hidden?.length ?? 0) > 0 || (debrief.variants?.length ?? 0) > 0) && (
        <section className="card wide" data-testid="hidden-truth">
          <h2>{t.hiddenTruth}</h2>
          <ul className="hidden-truth">
            {debrief.hidden?.map((note) => (
              <li key={say(note.text, 'en')}>
                <time className="num muted">{note.at_ms === null ? '' : at(note.at_ms)}</time>
                <span>{say(note.text, lang)}</span>
              </li>
            ))}
          </ul>
          {debrief.variants && debrief.variants.length > 0 && (
            <p className="muted">
              {t.thisRun}:{' '}
              {debrief.variants
                .map((v) => `${say(v.title, lang) || v.id} = ${Object.values(v.values).map(String).join(', ')}`)
                .join('; ')}
            </p>
          )}
        </section>
      )}
      <section className="card">
        <h2>{t.kpis}</h2>
        <dl className="kpis">
          {Object.entries(debrief.kpis).map(([name, value]) => (
            <div key={name}>
              <dt className="muted">{(t.kpiNames as Readonly<Record<string, string>>)[name] ?? name.replaceAll('_', ' ')}</dt>
              <dd className="num">{typeof value === 'number' ? number(value, lang) : String(value ?? '–')}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section className="card wide">
        <h2>
          {t.truth} · {t.debriefLead}
        </h2>
        {debrief.truth.some((truth) => isOrdinary(truth)) && (
          <label className="check">
            <input type="checkbox" checked={ordinary} onChange={(change) => setOrdinary(change.target.checked)} />{' '}
            {t.ordinaryLife}
          </label>
        )}
        <div className="table-scroll">
          <table>
            <thead>
              <tr>
                <th>{t.happened}</th>
                <th>{t.truth}</th>
                <th>{t.place}</th>
                <th>{t.detected}</th>
                <th>{t.acknowledgedAt}</th>
                <th>{t.closedAt}</th>
                <th className="lane-head" />
              </tr>
            </thead>
            <tbody>
              {debrief.truth
                .filter((truth) => ordinary || !isOrdinary(truth))
                .map((truth) => (
                  <tr key={truth.event_id} data-truth={truth.kind}>
                    <td className="num">{at(truth.start_ms)}</td>
                    <td>{truthTitle(truth, shell)}</td>
                    <td className="muted">{truth.place.name || truth.place.id}</td>
                    <Delay from={truth.start_ms} to={truth.detected_ms} none={truth.cause_id ? '–' : t.missed} />
                    <Delay from={truth.start_ms} to={truth.acknowledged_ms} none={truth.cause_id ? '–' : t.never} />
                    <Delay from={truth.start_ms} to={truth.closed_ms} none={truth.cause_id ? '–' : t.never} />
                    <td>
                      <Lane truth={truth} whole={debrief.duration_ms} />
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </section>
      <section className="card wide">
        <h2>{t.incidents}</h2>
        <div className="table-scroll">
          <table>
            <thead>
              <tr>
                <th>{t.opened}</th>
                <th>{t.incident}</th>
                <th>{t.state}</th>
                <th>{t.alerts}</th>
                <th>{t.acknowledgedAt}</th>
                <th>{t.closedAt}</th>
              </tr>
            </thead>
            <tbody>
              {debrief.incidents.map((incident) => (
                <tr key={incident.incident_id}>
                  <td className="num">{at(incident.opened_ms)}</td>
                  <td>{say(incident.title, lang)}</td>
                  <td className="muted">
                    {(t.incidentState as Readonly<Record<string, string>>)[incident.state ?? ''] ?? incident.state}
                  </td>
                  <td className="num">
                    {incident.alert_count === 1 ? t.alertsOne : t.alertsFolded.replace('{n}', String(incident.alert_count ?? 0))}
                  </td>
                  <td className="num">{incident.acknowledged_ms == null ? t.never : at(incident.acknowledged_ms)}</td>
                  <td className="num">{incident.closed_ms == null ? '' : at(incident.closed_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </main>
  )
}

function Delay({ from, to, none }: { from: number; to: number | null; none: string }) {
  return to === null ? (
    <td className={none === '–' ? 'muted' : 'missed'}>{none}</td>
  ) : (
    <td className="num">+{duration(to - from)}</td>
  )
}

/** Truth as a bar, judgement as marks on it: detected, acknowledged, closed. */
function Lane({ truth, whole }: { truth: DebriefTruth; whole: number }) {
  const x = (ms: number) => `${Math.min(100, (100 * ms) / Math.max(1, whole))}%`
  const end = truth.end_ms ?? whole
  return (
    <div className="lane" aria-hidden="true">
      <i className="lane-truth" style={{ left: x(truth.start_ms), width: `calc(${x(end)} - ${x(truth.start_ms)})` }} />
      {truth.detected_ms !== null && <i className="lane-mark detected" style={{ left: x(truth.detected_ms) }} />}
      {truth.acknowledged_ms !== null && <i className="lane-mark acknowledged" style={{ left: x(truth.acknowledged_ms) }} />}
      {truth.closed_ms !== null && <i className="lane-mark closed" style={{ left: x(truth.closed_ms) }} />}
    </div>
  )
}

createRoot(document.getElementById('root') as HTMLElement).render(<Seated>{(shell) => <Page {...shell} />}</Seated>)
