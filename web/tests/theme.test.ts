import { describe, expect, it } from 'vitest'
import { contrast, cssName, THEME_NAMES, THEMES } from '../src/theme/tokens'

const TEXT = 4.5
const SYMBOL = 3

describe.each(THEME_NAMES)('the theme %s', (name) => {
  const theme = THEMES[name]
  const over = (foreground: keyof typeof theme, ground: keyof typeof theme) => contrast(theme[foreground], theme[ground])

  it.each(['text', 'muted', 'accent', 'major', 'exercise'] as const)('reads %s on panels', (token) => {
    expect(over(token, 'panel')).toBeGreaterThanOrEqual(TEXT)
    expect(over(token, 'ground')).toBeGreaterThanOrEqual(TEXT)
  })

  it.each(['text', 'muted'] as const)('reads %s on raised parts', (token) => {
    expect(over(token, 'raised')).toBeGreaterThanOrEqual(TEXT)
  })

  it.each(['info', 'minor', 'focus', 'major', 'text', 'muted'] as const)(
    "reads the editor's %s, and marks in the lab",
    (token) => {
      expect(over(token, 'raised')).toBeGreaterThanOrEqual(TEXT)
    },
  )

  it('shows bands, lanes and what stands on the chosen completion in the lab', () => {
    for (const token of ['critical', 'minor', 'exercise', 'focus'] as const)
      expect(over(token, 'raised')).toBeGreaterThanOrEqual(SYMBOL)
    expect(over('onSeverity', 'focus')).toBeGreaterThanOrEqual(TEXT)
  })

  it('reads labels on the map, on land, water and halo', () => {
    for (const ground of ['mapLand', 'mapZone', 'mapWater', 'mapPark', 'halo'] as const)
      expect(over('label', ground)).toBeGreaterThanOrEqual(TEXT)
  })

  it.each(['critical', 'major', 'minor', 'info', 'normal', 'stale', 'focus'] as const)(
    'shows %s on panels and on the map',
    (token) => {
      expect(over(token, 'panel')).toBeGreaterThanOrEqual(SYMBOL)
      expect(over(token, 'mapLand')).toBeGreaterThanOrEqual(SYMBOL)
    },
  )

  it('shows jams and slow roads on the map', () => {
    expect(over('roadJam', 'mapLand')).toBeGreaterThanOrEqual(SYMBOL)
    expect(over('roadSlow', 'mapLand')).toBeGreaterThanOrEqual(SYMBOL)
  })

  it('reads what stands on filled buttons and the instructor banner', () => {
    expect(over('onSeverity', 'accent')).toBeGreaterThanOrEqual(TEXT)
    expect(over('onSeverity', 'exercise')).toBeGreaterThanOrEqual(TEXT)
  })

  it('keeps violet for the instructor alone', () => {
    expect(
      Object.entries(theme)
        .filter(([, value]) => value === theme.exercise)
        .map(([key]) => key),
    ).toEqual(['exercise'])
  })
})

describe('the ruler', () => {
  it('knows black on white and a name of a property', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.478, 3)
    expect(cssName('mapWaterLine')).toBe('--map-water-line')
  })
})
