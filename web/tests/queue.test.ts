import { describe, expect, it } from 'vitest'
import { buildRows, compareRows, EMPTY_VIEW, type QueueRow, stepSelection, viewQueue } from '../src/queue'
import { anAlert, anIncident } from './samples'

const row = (key: string, over: Partial<QueueRow> = {}): QueueRow => ({
  key,
  type: 'incident',
  id: key,
  severity: 'major',
  acknowledged: false,
  active: true,
  openedMs: 0,
  title: { vi: key, en: key },
  placeName: '',
  state: 'reported',
  owner: null,
  alertCount: 1,
  respondByMs: null,
  ...over,
})
const keys = (rows: readonly QueueRow[]) => rows.map((r) => r.key)

describe('the order of the queue', () => {
  it('puts what nobody acknowledged first, then the worse, then the older', () => {
    const rows = [
      row('acknowledged critical', { acknowledged: true, severity: 'critical' }),
      row('young major', { openedMs: 20 }),
      row('old major', { openedMs: 10 }),
      row('minor', { severity: 'minor' }),
      row('critical', { severity: 'critical', openedMs: 30 }),
    ]
    expect(keys([...rows].sort(compareRows))).toEqual(['critical', 'old major', 'young major', 'minor', 'acknowledged critical'])
  })

  it('is total: any permutation sorts to the same order', () => {
    const rows = ['a', 'b', 'c', 'd'].map((key) => row(key))
    expect(keys([...rows].reverse().sort(compareRows))).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('rows', () => {
  it('leave out closed incidents, alerts inside incidents, pending alerts', () => {
    const rows = buildRows(
      [anIncident({ incident_id: '1' }), anIncident({ incident_id: '2', state: 'closed' })],
      [
        anAlert({ fingerprint: 'inside', incident_id: '1' }),
        anAlert({ fingerprint: 'pending', condition: 'pending' }),
        anAlert({ fingerprint: 'own' }),
      ],
    )
    expect(keys(rows).sort()).toEqual(['a:own', 'i:1'])
  })

  it('keep an alert that cleared before anyone saw it', () => {
    const cleared = anAlert({ fingerprint: 'x', condition: 'inactive', fired_ms: 5 })
    expect(keys(buildRows([], [cleared]))).toEqual(['a:x'])
    expect(buildRows([], [{ ...cleared, acknowledged_by: 'operator' }])).toEqual([])
  })
})

describe('holding the queue', () => {
  const before = viewQueue(EMPTY_VIEW, [row('b'), row('c')], false)

  it('moves nothing while held: a worse arrival waits behind the pill', () => {
    const held = viewQueue(before, [row('a', { severity: 'critical' }), row('b'), row('c')], true)
    expect(keys(held.rows)).toEqual(['b', 'c'])
    expect(held.waiting).toEqual(['a'])
  })

  it('shows new content of rows in their old places', () => {
    const held = viewQueue(before, [row('c'), row('b', { acknowledged: true })], true)
    expect(keys(held.rows)).toEqual(['b', 'c'])
    expect(held.rows[0]?.acknowledged).toBe(true)
  })

  it('keeps the place of a row that is gone, and says so', () => {
    const held = viewQueue(before, [row('c')], true)
    expect(keys(held.rows)).toEqual(['b', 'c'])
    expect(held.gone.has('b')).toBe(true)
  })

  it('takes the real order again when released', () => {
    const rows = [row('a'), row('c')]
    const free = viewQueue(viewQueue(before, rows, true), rows, false)
    expect(keys(free.rows)).toEqual(['a', 'c'])
    expect(free.waiting).toEqual([])
  })
})

describe('moving the selection', () => {
  const rows = [row('a'), row('b')]
  it('starts at the end it comes from, and stays within the rows', () => {
    expect(stepSelection(rows, null, 1)).toBe('a')
    expect(stepSelection(rows, null, -1)).toBe('b')
    expect(stepSelection(rows, 'a', 1)).toBe('b')
    expect(stepSelection(rows, 'b', 1)).toBe('b')
    expect(stepSelection([], 'b', 1)).toBe(null)
  })
})
