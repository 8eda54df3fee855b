import { describe, expect, it } from 'vitest'
import { labLink, promDuration, readLab, START, seconds, writeLab } from '../src/lab/address'
import type { WhyNode } from '../src/lab/api'
import { bandsOf, chartedOf, foremost, keyOf, lanesOfAlerts, linesOf, nameOf, stepFor, stepsOf, union } from '../src/lab/bands'
import { curvesOf, foremostOf, readDocument, spotsOf, ticksOf } from '../src/lab/documents'
import { agree, fewOf, frameOf } from '../src/lab/picture'
import { LAB } from '../src/lab/texts'
import { idleOf, partsOf, sayReason } from '../src/lab/WhyPanel'

const TIMES = stepsOf(0, 150_000, 15_000)
const present = (text: string) => [...text].map((c) => c === '#')

function node(kind: string, op: string, text: string, children: WhyNode[] = [], value: number | null = null): WhyNode {
  const shown =
    value === null ? [] : [{ metric: '', labels: {}, series: '{}', value, said: null, other: null, holds: null, at_ms: null }]
  const place = { number: 0, start: 0, end: text.length, series: 1, everywhere: 1, reason: null }
  return { ...place, kind, op, text, state: 'value', shown, children }
}

describe('bands', () => {
  it('follow the evaluations, as rules do', () => {
    expect(TIMES).toHaveLength(11)
    expect(stepsOf(7_000, 40_000, 15_000)).toEqual([15_000, 30_000])
    expect(stepFor(3_600_000, 15_000)).toBe(15_000)
    expect(stepFor(7_200_000, 5_000)).toBe(15_000)
  })

  it('wait for `for`, then fire, and end at once', () => {
    expect(bandsOf(present('..####.....'), TIMES, 30_000, 0)).toEqual([
      { from: 30_000, to: 60_000, state: 'pending' },
      { from: 60_000, to: 90_000, state: 'firing' },
    ])
  })

  it('forget a wait that was cut short, and fire at once without a `for`', () => {
    expect(bandsOf(present('.##.#......'), TIMES, 45_000, 0).every((band) => band.state === 'pending')).toBe(true)
    expect(bandsOf(present('.#.........'), TIMES, 0, 0)).toEqual([{ from: 15_000, to: 30_000, state: 'firing' }])
  })

  it('go on firing for keep_firing_for, and are not cut by a gap shorter than it', () => {
    expect(bandsOf(present('##..##.....'), TIMES, 0, 60_000)).toEqual([{ from: 0, to: 150_000, state: 'firing' }])
    expect(bandsOf(present('##.........'), TIMES, 0, 30_000)).toEqual([{ from: 0, to: 60_000, state: 'firing' }])
  })

  it('last to the end of what is still so', () => {
    expect(bandsOf(present('.........##'), TIMES, 15_000, 0)).toEqual([
      { from: 135_000, to: 150_000, state: 'pending' },
      { from: 150_000, to: 165_000, state: 'firing' },
    ])
  })

  it('put together what overlaps', () => {
    const lane = (from: number, to: number) => ({ key: `${from}`, labels: {}, bands: [{ from, to, state: 'firing' as const }] })
    expect(union([lane(0, 20), lane(10, 30), lane(40, 50)], 'firing')).toEqual([
      { from: 0, to: 30, state: 'firing' },
      { from: 40, to: 50, state: 'firing' },
    ])
    expect(foremost([lane(0, 5), lane(0, 50), { key: 'x', labels: {}, bands: [] }], 1).map((one) => one.key)).toEqual(['0'])
  })
})

describe('series', () => {
  const row = (metric: Record<string, string>, ...values: [number, string][]) => ({ metric, values })

  it('lie on the axis of the run, with gaps as nothing', () => {
    const [line] = linesOf([row({ __name__: 'speed', road: 'a' }, [1_000, '3'], [1_030, 'NaN'])], [0, 15_000, 30_000], 1_000_000)
    expect(line).toEqual({ key: 'road=a', labels: { __name__: 'speed', road: 'a' }, values: [3, null, null] })
  })

  it('of ALERTS are one lane an alert, pending before firing', () => {
    const alert = { __name__: 'ALERTS', alertname: 'Slow', road: 'a' }
    const lanes = lanesOfAlerts(
      [
        row({ ...alert, alertstate: 'firing' }, [1_030, '1']),
        row({ ...alert, alertstate: 'pending' }, [1_000, '1'], [1_015, '1']),
      ],
      [0, 15_000, 30_000],
      1_000_000,
    )
    expect(lanes).toHaveLength(1)
    expect(lanes[0]?.bands).toEqual([
      { from: 0, to: 30_000, state: 'pending' },
      { from: 30_000, to: 45_000, state: 'firing' },
    ])
    expect(lanes[0]?.key).toBe('road=a')
  })

  it('are named by what does not go without saying', () => {
    expect(keyOf({ b: '2', a: '1', __name__: 'x' })).toBe('a=1, b=2')
    expect(nameOf({ city: 'c', road: 'a' }, ['city'])).toBe('road=a')
    expect(nameOf({ city: 'c' }, ['city'])).toBe('city=c')
    expect(agree({ a: '1', __name__: 'x' }, { a: '1', b: '2' })).toBe(true)
    expect(agree({ a: '1' }, { a: '2' })).toBe(false)
  })
})

describe('what is drawn', () => {
  const speed = node('selector', 'speed', 'speed')
  const less = node('comparison', '<', 'speed < 20', [speed, node('number', '', '20', [], 20)])

  it('is the left side of the first comparison with its threshold, else the whole', () => {
    expect(chartedOf(node('set', 'and', 'speed < 20 and x', [less, node('selector', 'x', 'x')]))).toEqual({
      text: 'speed',
      op: '<',
      threshold: 20,
    })
    expect(chartedOf(speed)).toEqual({ text: 'speed', op: '', threshold: null })
  })

  it('stays where it is while the instant lies in it, and goes with now otherwise', () => {
    const asked = { ...START, minutes: 10 }
    expect(frameOf(asked, 1_000_000, null)).toEqual({ from: 400_000, to: 1_000_000 })
    const frame = { from: 100_000, to: 700_000 }
    expect(frameOf({ ...asked, at: 200_000 }, 1_000_000, frame)).toBe(frame)
    expect(frameOf({ ...asked, at: 800_000 }, 1_000_000, frame)).toEqual({ from: 350_000, to: 950_000 })
  })

  it('is the left side of a set operation without a comparison', () => {
    const both = node('set', 'unless', 'a unless b', [node('selector', 'a', 'a'), node('selector', 'b', 'b')])
    expect(chartedOf(both).text).toBe('a')
    expect(chartedOf({ ...both, op: 'or' }).text).toBe('a unless b')
  })

  it('is cut to the alerts and what is asked about where there are very many series', () => {
    const shown = [
      { metric: '', labels: { city: 'c', road: 'a' }, series: '', value: 1, said: '1', other: null, holds: null, at_ms: null },
    ]
    const many = { ...speed, shown, everywhere: 9_000 }
    const lane = (road: string) => ({ key: road, labels: { city: 'c', road, severity: 'major' }, bands: [] })
    const terms = ['a', 'b "x"'].map((v) => `label_replace(vector(1), "road", ${JSON.stringify(v)}, "", "")`).join(' or ')
    expect(fewOf('speed', many, [lane('a'), lane('b "x"')], {})).toBe(`limitk(300, (speed) and on (road) (${terms}))`)
    expect(fewOf('speed', many, [], {})).toBe('limitk(300, speed)')
  })

  it('folds what cannot have changed the result', () => {
    const part = (number: number, state: WhyNode['state']) => ({ ...node('selector', 'a', 'a'), number, state })
    const idle = (op: string, ...parts: WhyNode[]) => [...idleOf(node('set', op, '', parts), parts)]
    expect(idle('or', part(1, 'absent'), part(2, 'true'))).toEqual([1])
    expect(idle('or', part(1, 'absent'), part(2, 'false'))).toEqual([])
    expect(idle('and', part(1, 'false'), part(2, 'true'))).toEqual([2])
    expect(idle('unless', part(1, 'value'), part(2, 'true'))).toEqual([])
    expect([...idleOf(speed, [part(1, 'absent')])]).toEqual([])
  })

  it('shows a chain of one operator as one list', () => {
    const chain = node('set', 'and', '', [node('set', 'and', '', [less, speed]), node('selector', 'x', 'x')])
    expect(partsOf(chain).map((part) => part.text)).toEqual(['speed < 20', 'speed', 'x'])
  })
})

describe('the address of a question', () => {
  it('keeps it and gives it back', () => {
    const state = {
      expr: 'a > 1',
      alert: 'X',
      holdS: 90,
      keepS: 30,
      minutes: 60,
      at: 123,
      labels: { zone: 'a=b' },
      tab: 'query' as const,
    }
    expect(readLab(writeLab(state))).toEqual(state)
    expect(readLab(labLink('X', { a: 'b' }, null).slice(4))).toEqual({ ...START, alert: 'X', labels: { a: 'b' } })
  })

  it('leaves out what makes no sense', () => {
    expect(readLab('#range=7&for=x&at=-1&l=zone')).toEqual(START)
  })

  it('reads and writes durations as Prometheus does', () => {
    expect(['2m', '1m30s', '1h', '0', ''].map(seconds)).toEqual([120, 90, 3600, 0, 0])
    expect(['2 m', 'soon', '5'].map(seconds)).toEqual([null, null, null])
    expect([0, 90, 3600, 3661].map(promDuration)).toEqual(['0s', '1m30s', '1h', '1h1m1s'])
  })
})

describe('reasons', () => {
  it('are said in both languages with their figures', () => {
    const reason = { code: 'comparison', left: 5, op: '>', right: 8, short_by: 3, of: 2 }
    expect(sayReason(reason, LAB.en, 'en', '')).toBe('the nearest of 2: 5 > 8 does not hold, by 3')
    const gap = { code: 'gap', last_ms: 60_000, ago_ms: 395_000, lookback_ms: 300_000 }
    expect(sayReason(gap, LAB.vi, 'vi', '2026-03-03T19:00:00+07:00')).toBe(
      'khoảng trống: mẫu cuối 19:01:00, cách đây 6m35s; chỉ nhìn lại 5m',
    )
    expect(sayReason({ code: 'inside' }, LAB.en, 'en', '')).toBe('')
  })
})

describe('documents', () => {
  const configuration = (n: number, recall: number | null, load: number, pareto: boolean) => ({
    number: n,
    label: `< ${n}`,
    recall,
    alarms_per_operator_hour: load,
    false_alarms_per_operator_hour: load / 2,
    mean_time_to_detect_s: null,
    pareto,
  })
  const sweep = {
    format: 'cityops-sweep/1',
    rule: { alert: 'Slow', file: 'r.yml', line: 1, expr: 'a < 1', for_ms: 60_000 },
    runs: [],
    operator_hours: 1,
    configurations: [configuration(0, 0.5, 2, true), configuration(1, null, 1, false), configuration(2, 1, 9, true)],
    left_out: 0,
    current: 2,
    pareto: [0, 2],
    roc: [
      {
        label: 'low',
        along: 't',
        points: [
          [1, 0.1],
          [2, 0.2],
        ],
      },
      {
        label: 'high',
        along: 't',
        points: [
          [1, 0.9],
          [2, null],
          [3, 1],
        ],
      },
      { label: 'lone', along: 't', points: [[1, 1]] },
    ],
    intervals: {},
    budget: { alarms_per_operator_hour: 4, best: 0 },
    proposal: null,
  }

  it('are known by their format, and nothing else is taken for one', () => {
    expect(readDocument(JSON.stringify(sweep))?.kind).toBe('sweep')
    const score = { format: 'cityops-score/1', overall: {}, by_kind: [], by_alert: [], causes: [] }
    expect(readDocument(JSON.stringify(score))?.kind).toBe('score')
    for (const text of ['', '[]', 'null', '{"format": "cityops-sweep/1"}', '{"format": "cityops-sweep/2"}'])
      expect(readDocument(text)).toBe(null)
  })

  it('give points that matter on top, and the best curves first', () => {
    expect(spotsOf(sweep).map((spot) => [spot.configuration.number, spot.mark])).toEqual([
      [2, 'now'],
      [0, 'best'],
    ])
    expect(spotsOf(sweep, 1).map((spot) => spot.mark)).toEqual(['best'])
    expect(curvesOf(sweep, 5).map((curve) => curve.label)).toEqual(['high', 'low'])
    expect(foremostOf(sweep).map((one) => one.number)).toEqual([2, 0])
  })

  it('have axes with round numbers', () => {
    expect([ticksOf(1), ticksOf(47), ticksOf(0)]).toEqual([[0, 0.2, 0.4, 0.6, 0.8, 1], [0, 10, 20, 30, 40], [0]])
  })
})
