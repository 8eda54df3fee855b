import { describe, expect, it } from 'vitest'
import { DeviceStore } from '../src/live/devices'
import { RoadStore } from '../src/live/roads'
import { familyOf } from '../src/map/layers'
import type { Devices, KindInfo } from '../src/wire'

const kind = (name: string, metric = 'x'): KindInfo => ({
  name,
  title: { vi: name, en: name },
  icon: '',
  period_ms: 1000,
  quantities: [{ name: 'q', metric, unit: '', title: { vi: 'q', en: 'q' } }],
  commands: [],
})

const table = (over: Partial<Devices> = {}): Devices => ({
  registry_version: 1,
  kinds: [kind('luminaire_controller', 'lamp_level_ratio'), kind('air_quality')],
  id: ['lamp:1', 'lamp:2', 'air:1'],
  kind: [0, 0, 1],
  lon: [0, 0, 0],
  lat: [0, 0, 0],
  name: ['', '', ''],
  zone: [0, 0, 0],
  link: [-1, -1, -1],
  cabinet: [-1, -1, -1],
  feeder: ['', '', ''],
  ...over,
})

const LIT = 7 << 5

describe('device states', () => {
  it('are without data until a frame came', () => {
    const store = new DeviceStore()
    store.load(table())
    expect(store.summary).toEqual({ devices: 3, stale: 3, alarms: 0, lampsOn: 0 })
  })

  it('count lamps that are lit, alarms and devices without data', () => {
    const store = new DeviceStore()
    store.load(table())
    expect(store.apply(Uint8Array.of(LIT, LIT | 8, 3 | 16))).toBe(true)
    expect(store.summary).toEqual({ devices: 3, stale: 1, alarms: 1, lampsOn: 1 })
  })

  it('call a lamp lit by its level, whatever else its controller reports', () => {
    const store = new DeviceStore()
    store.load(table())
    store.apply(Uint8Array.of(16, 16 | (1 << 5), 7 << 5)) // a fault without light, a fault with light, no lamp at all
    expect(store.summary.lampsOn).toBe(1)
  })

  it('refuse a frame of another registry', () => {
    const store = new DeviceStore()
    store.load(table())
    expect(store.apply(Uint8Array.of(0))).toBe(false)
  })

  it('show nothing measured while blind, and the last frame when sight returns', () => {
    const store = new DeviceStore()
    store.load(table())
    store.apply(Uint8Array.of(LIT, LIT, 0))
    store.setBlind(true)
    expect(store.summary).toMatchObject({ stale: 3, lampsOn: 0 })
    store.setBlind(false)
    expect(store.summary).toMatchObject({ stale: 0, lampsOn: 2 })
  })

  it('tell nobody when a frame changed nothing', () => {
    const store = new DeviceStore()
    store.load(table())
    store.apply(Uint8Array.of(1, 2, 3))
    const version = store.changed.version
    store.apply(Uint8Array.of(1, 2, 3))
    expect(store.changed.version).toBe(version)
  })
})

describe('road states', () => {
  it('are grey without data, while blind, and when every detector is dead', () => {
    const store = new RoadStore()
    store.load(3)
    expect(store.summary).toEqual({ noData: 3, measured: 0 })
    store.apply(Uint8Array.of(200, 30, 255))
    expect(Array.from(store.shown)).toEqual([200, 30, 255])
    expect(store.summary).toEqual({ noData: 1, measured: 2 })
    store.setBlind(true)
    expect(store.summary).toEqual({ noData: 3, measured: 0 })
    store.setBlind(false)
    store.apply(Uint8Array.of(255, 255, 255))
    expect(store.summary).toEqual({ noData: 3, measured: 0 })
    expect(store.apply(Uint8Array.of(1))).toBe(false)
  })
})

describe('kinds', () => {
  it('that nobody knew before are drawn as other, and do not glow', () => {
    const store = new DeviceStore()
    store.load(table())
    expect(familyOf(kind('air_quality'))).toBe('other')
    expect(store.lampKind).toEqual([true, false])
  })

  it('are sorted into families by their names', () => {
    const names = [
      'loop_detector',
      'signal_controller',
      'feeder_meter',
      'cabinet_meter',
      'luminaire_controller',
      'photocell',
      'camera',
      'sos_pole',
    ]
    expect(names.map((name) => familyOf(kind(name)))).toEqual([
      'traffic',
      'traffic',
      'power',
      'power',
      'lighting',
      'lighting',
      'security',
      'security',
    ])
  })
})
