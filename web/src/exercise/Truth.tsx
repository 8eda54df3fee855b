/** The truth as it happens. */

import { useMemo, useState } from 'react'
import { clockAt, duration, number } from '../format'
import { type Messages, say } from '../i18n'
import type { TrafficTruth, TruthEvent } from './api'
import type { Shell } from './shell'

/** What a truth event is called: its own title, else its kind in words. */
export function truthTitle(event: Pick<TruthEvent, 'title' | 'kind' | 'kind_title'>, { lang }: Pick<Shell, 'lang'>): string {
  return say(event.title, lang) || say(event.kind_title, lang) || event.kind
}

export const byWord = (by: string | undefined, t: Messages): string =>
  by ? ((t.by as Readonly<Record<string, string>>)[by] ?? by) : ''

/** What nobody staged and nothing staged caused: the live truth says it by a missing title and cause. */
export const isOrdinary = (event: TruthEvent): boolean =>
  event.by === undefined ? !event.title && event.cause_id === null : event.by === 'ordinary_life'

interface Props {
  readonly shell: Shell
  readonly events: readonly TruthEvent[]
  readonly traffic: TrafficTruth | null
  readonly now: number
  readonly startAt: string
}

export function Truth({ shell, events, traffic, now, startAt }: Props) {
  const { t, lang } = shell
  const [ordinary, setOrdinary] = useState(false)
  const at = (ms: number) => (startAt ? clockAt(startAt, ms) : `T+${duration(ms)}`)
  const shown = useMemo(
    () => events.filter((event) => ordinary || !isOrdinary(event)).sort((a, b) => b.start_ms - a.start_ms),
    [events, ordinary],
  )
  const span = Math.max(60_000, now)
  return (
    <section className="card truth" aria-label={t.truth} data-testid="truth">
      <div className="card-head">
        <h2>{t.truthTimeline}</h2>
        {events.some(isOrdinary) && (
          <label className="check">
            <input type="checkbox" checked={ordinary} onChange={(change) => setOrdinary(change.target.checked)} />{' '}
            {t.ordinaryLife}
          </label>
        )}
      </div>
      {traffic && (
        <p className="pad num" data-testid="traffic-truth" data-on-road={traffic.on_road} data-entered={traffic.entered}>
          {t.trafficTruth.replace('{on}', number(traffic.on_road, lang)).replace('{entered}', number(traffic.entered, lang))}
        </p>
      )}
      {shown.length === 0 && <p className="empty">{t.truthEmpty}</p>}
      <ol>
        {shown.map((event) => (
          <li key={event.event_id} className={event.cause_id ? 'caused' : ''} data-truth={event.kind}>
            <time className="num">{at(event.start_ms)}</time>
            <div>
              <b>{truthTitle(event, shell)}</b>
              <span className="muted">
                {' '}
                {event.place.name || event.place.id} {byWord(event.by, t)}
              </span>
              <div className="bar" aria-hidden="true">
                <i
                  className={event.end_ms === null ? 'lasting' : ''}
                  style={{
                    left: `${(100 * event.start_ms) / span}%`,
                    width: `${Math.max(0.6, (100 * ((event.end_ms ?? now) - event.start_ms)) / span)}%`,
                  }}
                />
              </div>
            </div>
            <span className="muted num">{event.end_ms === null ? t.lasting : duration(event.end_ms - event.start_ms)}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}
