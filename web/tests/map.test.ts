import { describe, expect, it } from 'vitest'
import { shiftedMatrix } from '../src/map/gl'
import { MAP_LAYERS } from '../src/map/layers'
import { Picker } from '../src/map/pick'
import { centres, numbered, paintedLayers } from '../src/map/style'
import { THEME_NAMES, THEMES } from '../src/theme/tokens'
import type { Collection, Devices } from '../src/wire'

const square: Collection = {
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: { name: 'Hồng Bàng' },
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [106, 20],
            [108, 20],
            [108, 22],
            [106, 22],
            [106, 20],
          ],
        ],
      },
    },
  ],
}

describe('the style', () => {
  it('asks no server for glyphs or sprites, and its layers are the same in every theme', () => {
    const ids = THEME_NAMES.map((name) => paintedLayers(THEMES[name], MAP_LAYERS[0] as never).map((layer) => layer.id))
    expect(new Set(ids.map(String)).size).toBe(1)
    expect(JSON.stringify(paintedLayers(THEMES.dusk, MAP_LAYERS[0] as never))).not.toMatch(/https?:/)
  })

  it('puts a label in the middle of its zone', () => {
    const point = centres(square).features[0]?.geometry
    expect(point).toEqual({ type: 'Point', coordinates: [107, 21] })
  })

  it('numbers roads that do not say their index', () => {
    expect(numbered(square).features[0]?.properties).toEqual({ name: 'Hồng Bàng', index: 0 })
  })
})

describe('picking', () => {
  const devices = { id: ['lamp', 'alarm', 'far'], lon: [106, 106.0001, 107], lat: [20, 20, 20] } as unknown as Devices
  it('prefers an alarm to a nearer lamp, ignores what is hidden and what is far', () => {
    const order = (i: number) => (i === 1 ? 0 : 5)
    expect(new Picker(devices, () => true, order).at(106, 20, 0.001)).toBe(1)
    expect(new Picker(devices, (i) => i !== 1, order).at(106, 20, 0.001)).toBe(0)
    expect(new Picker(devices, () => true, order).at(106.5, 20, 0.001)).toBe(-1)
  })
})

describe('the shifted matrix', () => {
  it('draws a position relative to the origin where the plain one draws the whole', () => {
    const m = Float64Array.from({ length: 16 }, (_, i) => i + 1)
    const origin = { x: 0.79, y: 0.44 }
    const shifted = shiftedMatrix(m, origin)
    const at = (a: Float64Array, x: number, y: number) =>
      [0, 1, 2, 3].map((r) => (a[r] ?? 0) * x + (a[4 + r] ?? 0) * y + (a[12 + r] ?? 0))
    const whole = at(m, 0.8, 0.45)
    at(shifted, 0.8 - origin.x, 0.45 - origin.y).forEach((value, row) => {
      expect(value).toBeCloseTo(whole[row] ?? 0, 12)
    })
  })
})
