/** The queue: what waits for a person, in order, never moving under the pointer. */

import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { duration } from '../format'
import { say } from '../i18n'
import { buildRows, EMPTY_VIEW, type QueueRow, type QueueView, viewQueue } from '../queue'
import type { IncidentState } from '../wire'
import { useConsole, useOps, useText, useUi } from './context'
import { useMapHandle, zoomFor } from './map-handle'
import { SeverityMark } from './Severity'

/** Rows as they are shown, and whether they are held still. */
function useQueue() {
  const incidents = useOps((state) => state.incidents)
  const alerts = useOps((state) => state.alerts)
  const rows = useMemo(() => buildRows(incidents.values(), alerts.values()), [incidents, alerts])
  const [held, setHeld] = useState(false)
  const [shown, setShown] = useState<QueueView>(EMPTY_VIEW)
  useEffect(() => setShown((before) => viewQueue(before, rows, held && before.rows.length > 0)), [rows, held])
  const release = useCallback(() => setShown(() => viewQueue(EMPTY_VIEW, rows, false)), [rows])
  return { rows, shown, setHeld, release }
}

export function Queue() {
  const { ui, ops } = useConsole()
  const { t, lang } = useText()
  const { rows, shown, setHeld, release } = useQueue()
  const selection = useUi((state) => state.selection)
  const map = useMapHandle()
  const list = useRef<HTMLOListElement>(null)
  const pointer = useRef(false)
  const hold = () => {
    const scrolled = (list.current?.scrollTop ?? 0) > 4
    const focused = list.current?.contains(document.activeElement) ?? false
    setHeld(pointer.current || scrolled || focused)
  }
  const open = (row: QueueRow) => {
    ui.dispatch({ selection: row.key })
    const state = ops.store.get()
    const at = row.type === 'incident' ? state.incidents.get(row.id) : state.alerts.get(row.id)
    if (at?.lon != null && at.lat != null) map.current?.flyTo(at.lon, at.lat, zoomFor(at.place?.kind))
  }
  return (
    <section
      className="queue card"
      data-testid="queue"
      aria-label={t.queue}
      onPointerEnter={() => {
        pointer.current = true
        hold()
      }}
      onPointerLeave={() => {
        pointer.current = false
        hold()
      }}
    >
      <div className="card-head">
        <h2 id="queue-title">{t.queue}</h2>
        <span className="muted">{t.openCount.replace('{n}', String(rows.length))}</span>
        {shown.waiting.length > 0 && (
          <button type="button" className="pill" data-testid="new-pill" onClick={release}>
            {t.newPill.replace('{n}', String(shown.waiting.length))}
          </button>
        )}
      </div>
      {shown.rows.length === 0 ? (
        <div className="empty">
          <svg viewBox="0 0 48 48" width="40" height="40" aria-hidden="true">
            <circle cx="24" cy="24" r="17" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="3 5" />
            <path d="M16 24l6 6 11-12" fill="none" stroke="currentColor" strokeWidth="2.5" />
          </svg>
          <p>{t.queueEmpty}</p>
          <p className="muted">{t.queueEmptyHint}</p>
        </div>
      ) : (
        <ol ref={list} className="rows" onScroll={hold} onFocus={hold} onBlur={() => setTimeout(hold)}>
          {shown.rows.map((row) => (
            <li key={row.key}>
              <button
                type="button"
                className={`row sev-${row.severity}${row.acknowledged ? '' : ' unacked'}${shown.gone.has(row.key) ? ' gone' : ''}`}
                data-testid="queue-row"
                data-key={row.key}
                data-severity={row.severity}
                data-acknowledged={row.acknowledged}
                aria-current={selection === row.key}
                onClick={() => open(row)}
              >
                <SeverityMark severity={row.severity} size={16} />
                <span className="row-text">
                  <b>{say(row.title, lang)}</b>
                  <span className="row-meta">
                    <span className="sev-word">{t.severity[row.severity]}</span>
                    <span>{row.placeName}</span>
                    {row.alertCount > 1 && <span>{t.alertsFolded.replace('{n}', String(row.alertCount))}</span>}
                  </span>
                </span>
                <span className="row-side">
                  <Age since={row.openedMs} />
                  <span className="row-state">{shown.gone.has(row.key) ? t.gone : stateWord(row, t)}</span>
                </span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

function stateWord(row: QueueRow, t: ReturnType<typeof useText>['t']): string {
  if (row.type === 'incident') return t.incidentState[row.state as IncidentState] ?? row.state
  return row.active ? t.condition.firing : t.condition.inactive
}

export function Age({ since }: { since: number }) {
  const now = useOps((state) => Math.floor((state.clock?.now_ms ?? 0) / 1000))
  return <time className="num">{duration(Math.max(0, now * 1000 - since))}</time>
}
