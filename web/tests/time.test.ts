import { describe, expect, it } from 'vitest'
import { INITIAL, type OpsState, reduce } from '../src/store'
import { instantOf, neighbours, share } from '../src/time-line'
import type { FeedEvent, Mark } from '../src/wire'
import { anAlert, anIncident, aSnapshot } from './samples'

const play = (state: OpsState, ...events: FeedEvent[]) => events.reduce((s, event) => reduce(s, { do: 'event', event }), state)
const hello: FeedEvent = {
  type: 'hello',
  protocol: 1,
  run: 'r',
  city: 'c',
  role: 'operator',
  registry_version: 1,
  branch: 'main',
}

describe('another branch', () => {
  const known = play(
    INITIAL,
    hello,
    { type: 'incident', branch: 'main', incident: anIncident({ incident_id: 'later' }) },
    { type: 'alert', branch: 'main', alert: anAlert() },
  )

  it('forgets the past it does not share, timelines too', () => {
    const moved = play(known, { type: 'resync', branch: 'b-1' })
    expect(moved).toMatchObject({ branch: 'b-1', resyncs: 1 })
    expect([moved.incidents.size, moved.alerts.size, moved.timelines.size, moved.commands.size]).toEqual([0, 0, 0, 0])
  })

  it('keeps everything within one branch, also on a resync', () => {
    const again = play(known, { type: 'resync', branch: 'main' })
    expect([...again.incidents.keys()]).toEqual(['later'])
  })

  it('knows whose branch it sees from the snapshot', () => {
    const run = { id: 'b-1', parent: 'r', fork_at_ms: 5_000, fork_local: '2026-03-03T19:00:05+07:00' }
    expect(play(known, { type: 'snapshot', branch: 'b-1', snapshot: { ...aSnapshot(), run } }).run?.parent).toBe('r')
  })
})

describe('going back to a time of day', () => {
  const startAt = '2026-03-03T23:50:00+07:00'
  const minutes = (n: number) => n * 60_000

  it('is the last time that the city showed it', () => {
    expect(instantOf('23:55', startAt, minutes(20))).toBe(minutes(5))
    expect(instantOf('0:05:30', startAt, minutes(20))).toBe(minutes(15.5))
    expect(instantOf('23:55', startAt, minutes(24 * 60 + 10))).toBe(minutes(24 * 60 + 5))
  })

  it('is nothing where the run has not been', () => {
    for (const text of ['0:30', '23:40', '23:50', '25:00', 'soon', '', '1:2'])
      expect(instantOf(text, startAt, minutes(20))).toBe(null)
  })
})

describe('the line of time', () => {
  const mark = (at_ms: number): Mark => ({ at_ms, incident_id: `i${at_ms}`, severity: 'major', title: { vi: '', en: '' } })

  it('finds the marks beside an instant; at a mark, the one before it', () => {
    const marks = [mark(30_000), mark(10_000), mark(20_000)]
    expect(neighbours(marks, 20_000)).toMatchObject({ before: { at_ms: 10_000 }, after: { at_ms: 30_000 } })
    expect(neighbours(marks, 5_000).before).toBeUndefined()
    expect(neighbours(marks, 30_000).after).toBeUndefined()
  })

  it('says where an instant lies, never outside', () => {
    const line = { from_ms: 0, until_ms: 200 }
    expect([share(line, 50), share(line, -1), share(line, 999)]).toEqual([25, 0, 100])
  })
})
