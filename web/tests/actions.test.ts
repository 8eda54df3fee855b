import { describe, expect, it } from 'vitest'
import { defaults, offers, targetsOf, toParams } from '../src/actions'
import { listOf, readInjects } from '../src/exercise/api'
import { foldEntries } from '../src/ui/Timeline'
import type { CommandType, TimelineEntry } from '../src/wire'
import { anAlert, anIncident } from './samples'

const type = (name: string, kinds: string[], parameters: CommandType['parameters'] = []): CommandType => ({
  type: name,
  title: { vi: name, en: name },
  target_kinds: kinds,
  parameters,
})

describe('targets of an incident', () => {
  it('are its own place first, then what the labels of its alerts name, each once', () => {
    const alert = anAlert({ labels: { feeder: 'F01', junction: 'J7', cabinet: 'C3' } })
    const found = targetsOf(anIncident(), [alert, alert]).map((t) => `${t.kind} ${t.id}`)
    expect(found).toEqual(['feeder F01', 'cabinet C3', 'signal J7', 'junction J7', 'node J7'])
  })
})

describe('a place', () => {
  it('that is a road is also a link, which is what commands aim at', () => {
    const found = targetsOf(anIncident({ place: { kind: 'road', id: 'le_loi_1', name: 'Lê Lợi' } }), [])
    expect(found.map((t) => t.kind)).toEqual(['road', 'link'])
  })
})

describe('offers', () => {
  it('pair commands with the targets that they take', () => {
    const targets = targetsOf(anIncident(), [])
    const found = offers([type('feeder_reclose', ['feeder']), type('signal_plan', ['signal']), type('dispatch', [])], targets)
    expect(found.map((o) => [o.type.type, o.targets.length])).toEqual([
      ['feeder_reclose', 1],
      ['dispatch', 1],
    ])
  })
})

describe('forms', () => {
  const parameters = [
    { name: 'level', type: 'number', minimum: 0, maximum: 1 },
    { name: 'plan', type: 'choice', choices: ['a', 'b'] },
    { name: 'note', type: 'string' },
    { name: 'until_s', type: 'integer', default: 600 },
  ]
  it('begin with defaults and send numbers as numbers, empty fields not at all', () => {
    const values = defaults(parameters)
    expect(values).toEqual({ level: '0', plan: 'a', note: '', until_s: '600' })
    expect(toParams(parameters, values)).toEqual({ level: 0, plan: 'a', until_s: 600 })
  })
  it('of injects leave empty what has no default', () => {
    expect(defaults(parameters, true)).toEqual({ level: '', plan: 'a', note: '', until_s: '600' })
  })
})

describe('the palette of injects', () => {
  it('is read whether parameters come as a list, by name, or as type, unit and help', () => {
    const injects = readInjects({
      injects: [
        { name: 'a', title: { vi: 'A', en: 'A' }, parameters: [{ name: 'feeder', type: 'string' }] },
        { name: 'b', title: { vi: 'B', en: 'B' }, parameters: { lanes: { type: 'integer', unit: 'lanes' } } },
        { name: 'c', title: { vi: 'C', en: 'C' }, parameters: { factor: ['number', '', 'how much'] } },
      ],
    })
    expect(injects.map((inject) => inject.parameters[0])).toEqual([
      { name: 'feeder', type: 'string' },
      { name: 'lanes', type: 'integer', unit: 'lanes' },
      { name: 'factor', type: 'number', unit: '', help: 'how much' },
    ])
    expect(listOf([1], 'x')).toEqual([1])
    expect(listOf(null, 'x')).toEqual([])
  })
})

describe('the timeline', () => {
  it('folds runs of alerts, but nothing that a person did', () => {
    const entry = (seq: number, kind: string): TimelineEntry => ({ seq, now_ms: seq, kind, who: null, text: null, data: null })
    const lines = foldEntries([
      entry(1, 'opened'),
      entry(2, 'alert_firing'),
      entry(3, 'alert_firing'),
      entry(4, 'comment'),
      entry(5, 'comment'),
    ])
    expect(lines.map((l) => [l.entry.kind, l.count])).toEqual([
      ['opened', 1],
      ['alert_firing', 2],
      ['comment', 1],
      ['comment', 1],
    ])
  })
})
