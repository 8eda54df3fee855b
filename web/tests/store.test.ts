import { describe, expect, it } from 'vitest'
import { createStore, INITIAL, type OpsState, reduce } from '../src/store'
import type { FeedEvent, TimelineEntry } from '../src/wire'
import { aClock, aCommand, anAlert, anIncident, aSnapshot } from './samples'

const play = (state: OpsState, ...events: FeedEvent[]) => events.reduce((s, event) => reduce(s, { do: 'event', event }), state)
const entry = (over: Partial<TimelineEntry>): TimelineEntry => ({
  seq: 1,
  now_ms: 1,
  kind: 'opened',
  who: null,
  text: null,
  data: null,
  ...over,
})

describe('the reducer', () => {
  it('refuses another protocol version', () => {
    const hello: FeedEvent = { type: 'hello', protocol: 2, run: 'r', city: 'c', role: 'operator', registry_version: 1 }
    expect(play(INITIAL, hello)).toMatchObject({ phase: 'unsupported', problem: '2' })
  })

  it('takes a snapshot flat or wrapped, and replaces what it knew', () => {
    const old = play(INITIAL, { type: 'incident', incident: anIncident({ incident_id: 'old' }) })
    const flat = play(old, { type: 'snapshot', ...aSnapshot({ incidents: [anIncident({ incident_id: 'new' })] }) })
    const wrapped = play(old, { type: 'snapshot', snapshot: aSnapshot({ incidents: [anIncident({ incident_id: 'new' })] }) })
    expect([...flat.incidents.keys()]).toEqual(['new'])
    expect([...wrapped.incidents.keys()]).toEqual(['new'])
  })

  it('takes a clock flat or wrapped', () => {
    expect(play(INITIAL, { type: 'clock', ...aClock }).clock?.now_ms).toBe(5_000)
    expect(play(INITIAL, { type: 'clock', clock: aClock }).clock?.local).toBe(aClock.local)
  })

  it('never goes back to an older version of an incident', () => {
    const state = play(
      INITIAL,
      { type: 'incident', incident: anIncident({ version: 3, state: 'responding' }) },
      { type: 'incident', incident: anIncident({ version: 2 }) },
    )
    expect(state.incidents.get('1')?.state).toBe('responding')
  })

  it('keeps the list of alerts when an event leaves it out', () => {
    const state = play(
      INITIAL,
      { type: 'incident', incident: anIncident({ version: 1, alerts: ['f1', 'f2'] }) },
      { type: 'incident', incident: anIncident({ version: 2 }) },
    )
    expect(state.incidents.get('1')?.alerts).toEqual(['f1', 'f2'])
  })

  it('builds the timeline from both sides without doubles, in order of time', () => {
    const opened = entry({ seq: 1, now_ms: 1 })
    const commented = entry({ seq: 2, now_ms: 2, kind: 'comment', text: 'đã thấy' })
    const live = play(INITIAL, { type: 'incident', incident: anIncident(), entry: commented })
    const state = reduce(live, { do: 'incident', incident: anIncident({ timeline: [opened, commented] }) })
    expect(state.timelines.get('1')?.map((e) => e.kind)).toEqual(['opened', 'comment'])
  })

  it('never takes a command back: a late "requested" changes nothing', () => {
    const state = play(
      INITIAL,
      { type: 'command', command: aCommand({ state: 'accepted' }) },
      { type: 'command', command: aCommand({ state: 'requested' }) },
      { type: 'command', command: aCommand({ state: 'failed', reason: 'no crew' }) },
    )
    expect(state.commands.get('c1')).toMatchObject({ state: 'failed', reason: 'no crew' })
  })

  it('keeps a bounded number of commands', () => {
    let state = INITIAL
    for (let i = 0; i < 250; i++) state = play(state, { type: 'command', command: aCommand({ command_id: `c${i}` }) })
    expect(state.commands.size).toBe(200)
    expect(state.commands.has('c249')).toBe(true)
    expect(state.commands.has('c0')).toBe(false)
  })

  it('counts requests to resync and remembers the last sequence number', () => {
    const state = play(INITIAL, { type: 'resync', seq: 41 }, { type: 'alert', alert: anAlert(), seq: 42 })
    expect(state).toMatchObject({ resyncs: 1, lastSeq: 42 })
  })

  it('ignores events of a later release', () => {
    const strange = { type: 'weather_report', seq: 0 } as unknown as FeedEvent
    expect(play(INITIAL, strange)).toEqual(INITIAL)
  })

  it('keeps four toasts at most and removes by id', () => {
    let state = INITIAL
    for (let i = 0; i < 6; i++) state = reduce(state, { do: 'toast', tone: 'error', text: String(i) })
    expect(state.toasts.map((t) => t.text)).toEqual(['2', '3', '4', '5'])
    state = reduce(state, { do: 'untoast', id: state.toasts[0]?.id ?? -1 })
    expect(state.toasts.length).toBe(3)
  })
})

describe('a store', () => {
  it('calls its listeners only when the state changed', () => {
    const store = createStore((state: number, add: number) => state + add, 1)
    let calls = 0
    const stop = store.subscribe(() => calls++)
    store.dispatch(0)
    store.dispatch(2)
    stop()
    store.dispatch(3)
    expect([store.get(), calls]).toEqual([6, 1])
  })
})

describe('a store that wakes its listeners later', () => {
  it('tells once of however many changes, and shows the newest state meanwhile', () => {
    let wake = () => {}
    let told = 0
    const store = createStore(
      (n: number, add: number) => n + add,
      0,
      (tell) => {
        wake = tell
      },
    )
    store.subscribe(() => told++)
    for (let i = 0; i < 300; i++) store.dispatch(1)
    expect([store.get(), told]).toEqual([300, 0])
    wake()
    expect(told).toBe(1)
    store.dispatch(0)
    store.dispatch(1)
    wake()
    expect([store.get(), told]).toEqual([301, 2])
  })
})
