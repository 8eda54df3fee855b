import { describe, expect, it } from 'vitest'
import { fold, matches, rank } from '../src/fold'
import { clockAt, duration, localParts, number, pace } from '../src/format'
import { note, say } from '../src/i18n'
import { CHOICES, choiceWord } from '../src/i18n/choices'
import { en } from '../src/i18n/en'
import { vi } from '../src/i18n/vi'
import { LAB } from '../src/lab/texts'
import { readHash, seatToken, writeHash } from '../src/url'

type Leaves = Record<string, string>

function leaves(value: unknown, path = ''): Leaves {
  if (typeof value === 'string') return { [path]: value }
  return Object.entries(value as object).reduce<Leaves>(
    (all, [key, inner]) => Object.assign(all, leaves(inner, `${path}/${key}`)),
    {},
  )
}

describe.each([
  ['the console', en, vi],
  ['the rule lab', LAB.en, LAB.vi],
])('both languages of %s', (_name, one, other) => {
  const english = leaves(one)
  const vietnamese = leaves(other)

  it('say the same things, and say something', () => {
    expect(Object.keys(vietnamese)).toEqual(Object.keys(english))
    for (const text of [...Object.values(english), ...Object.values(vietnamese)]) expect(text.trim()).not.toBe('')
  })

  it('fill the same places', () => {
    const places = (text: string | undefined) => [...(text ?? '').matchAll(/\{\w+\}/g)].map((m) => m[0]).sort()
    for (const [path, text] of Object.entries(english)) expect([path, places(vietnamese[path])]).toEqual([path, places(text)])
  })

  it('have the same words for choices, and show what has none as it came', () => {
    expect(Object.keys(CHOICES.vi)).toEqual(Object.keys(CHOICES.en))
    for (const word of [...Object.values(CHOICES.vi), ...Object.values(CHOICES.en)]) expect(word.trim()).not.toBe('')
    expect([choiceWord('police_113', 'vi'), choiceWord('police_113', 'en')]).toEqual(['công an 113', 'police (113)'])
    expect(choiceWord('of_a_new_kind', 'vi')).toBe('of a new kind')
  })

  it('are composed Unicode: marks are never loose', () => {
    for (const text of Object.values(vietnamese)) expect(text).toBe(text.normalize('NFC'))
  })

  it('choose the text of the wire, and fall back to the other', () => {
    expect(say({ vi: 'Đèn', en: 'Lamp' }, 'vi')).toBe('Đèn')
    expect(say({ vi: '', en: 'Lamp' }, 'vi')).toBe('Lamp')
    expect(note({ summary: 'a', summary_vi: 'á' }, 'summary', 'vi')).toBe('á')
    expect(note({ summary: 'a' }, 'summary', 'vi')).toBe('a')
  })
})

describe('searching without marks', () => {
  it('folds Vietnamese letters, also đ and decomposed text', () => {
    expect(fold('Đường Lê Chân')).toBe('duong le chan')
    expect(fold('Hồng Bàng'.normalize('NFD'))).toBe('hong bang')
  })

  it('finds Lê Chân by "le chan", and a device by the beginnings of its words', () => {
    expect(matches('le chan', 'Quận Lê Chân')).toBe(true)
    expect(matches('cam nguyen', 'Camera Nguyễn Văn Linh')).toBe(true)
    expect(matches('xyz', 'Camera Nguyễn Văn Linh')).toBe(false)
  })

  it('ranks the whole before the beginning before the middle', () => {
    expect([
      rank('le loi', 'Lê Lợi'),
      rank('le loi', 'Lê Lợi 12'),
      rank('le loi', 'Phố Lê Lợi'),
      rank('le loi', 'Lê Chân'),
    ]).toEqual([0, 1, 2, -1])
  })
})

describe('formats', () => {
  it('show the clock of the city, not of the browser', () => {
    expect(localParts('2026-03-03T19:12:00+07:00')).toEqual({ time: '19:12:00', date: '03/03/2026', zone: 'ICT' })
    expect(clockAt('2026-03-03T19:10:00+07:00', 125_000)).toBe('19:12:05')
    expect(clockAt('2026-03-03T23:59:59+07:00', 2_000)).toBe('00:00:01')
    expect(clockAt('2026-03-03T00:00:00Z', 1_000)).toBe('00:00:01')
    expect(clockAt('', 0)).toBe('--:--:--')
  })

  it('show durations, paces and numbers as people write them', () => {
    expect([duration(0), duration(61_000), duration(3_723_000), duration(-5_000)]).toEqual(['0:00', '1:01', '1:02:03', '−0:05'])
    expect([pace('1'), pace(50), pace('max'), pace(0), pace(null)]).toEqual(['×1', '×50', 'max', 'max', '–'])
    expect([number(1234.5, 'vi'), number(0.123456, 'vi'), number(null, 'vi'), number(Number.NaN, 'en')]).toEqual([
      '1.235',
      '0,123',
      '–',
      '–',
    ])
  })
})

describe('the address', () => {
  it('keeps a view and gives it back', () => {
    const state = {
      view: 'table',
      layer: 3,
      selection: 'i:12',
      lang: 'en',
      theme: 'night',
      camera: [106.68, 20.86, 13.5, -18, 48],
    } as const
    expect(readHash(writeHash(state))).toEqual(state)
  })

  it('leaves out what makes no sense', () => {
    expect(readHash('#view=moon&layer=77&sel=zzz&lang=fr&theme=pink&at=1,2,x')).toEqual({})
  })

  it('finds a seat in a hash, in a pasted link, and nowhere else', () => {
    expect(seatToken('#seat=abc')).toBe('abc')
    expect(seatToken('http://127.0.0.1:8700/#seat=a%2Db')).toBe('a-b')
    expect(seatToken('#view=map')).toBe(null)
    expect(seatToken('#seats=abc')).toBe(null)
  })
})
