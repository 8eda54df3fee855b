/** The timeline of an incident, newest on top; runs of alert entries are folded into one line with a count. */

import { useMemo } from 'react'
import { clockAt } from '../format'
import type { EntryKind, Incident, TimelineEntry } from '../wire'
import { useOps, useText } from './context'

interface Line {
  readonly entry: TimelineEntry
  readonly count: number
}

/** Fold neighbours of one kind that no person made. */
export function foldEntries(entries: readonly TimelineEntry[]): Line[] {
  const lines: Line[] = []
  for (const entry of entries) {
    const last = lines.at(-1)
    if (last && last.entry.kind === entry.kind && entry.kind.startsWith('alert_'))
      lines[lines.length - 1] = { entry, count: last.count + 1 }
    else lines.push({ entry, count: 1 })
  }
  return lines
}

const NOTHING: readonly TimelineEntry[] = []

export function Timeline({ incident }: { incident: Incident }) {
  const { t } = useText()
  const entries = useOps((state) => state.timelines.get(incident.incident_id) ?? NOTHING)
  const startAt = useOps((state) => state.city?.start_at ?? '')
  const lines = useMemo(() => foldEntries(entries).reverse(), [entries])
  return (
    <section>
      <h3>{t.timeline}</h3>
      <ol className="timeline" data-testid="timeline">
        {lines.map(({ entry, count }) => (
          <li key={`${entry.seq} ${entry.kind} ${entry.now_ms}`} className={`entry entry-${entry.kind}`} data-kind={entry.kind}>
            <time className="num">{clockAt(startAt, entry.now_ms)}</time>
            <span>
              <b>{t.entry[entry.kind as EntryKind] ?? entry.kind}</b>
              {count > 1 && <span className="count"> ×{count}</span>}
              {entry.who && <span className="muted"> · {entry.who}</span>}
              {entry.text && <span className="entry-text">{entryText(entry, t.incidentState)}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

function entryText(entry: TimelineEntry, states: Readonly<Record<string, string>>): string {
  const text = entry.text ?? ''
  return entry.kind === 'state' ? (states[text] ?? text) : text
}
