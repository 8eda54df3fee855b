/** Colours of the three themes. Text reaches 4.5:1 on its ground, symbols 3:1: a test holds it. */

export type ThemeName = 'dusk' | 'night' | 'day'

export interface Theme {
  readonly ground: string
  readonly panel: string
  readonly raised: string
  readonly line: string
  readonly text: string
  readonly muted: string
  readonly accent: string
  readonly focus: string
  readonly critical: string
  readonly major: string
  readonly minor: string
  readonly info: string
  readonly normal: string
  readonly stale: string
  readonly exercise: string
  readonly onSeverity: string
  readonly mapLand: string
  readonly mapZone: string
  readonly mapWater: string
  readonly mapWaterLine: string
  readonly mapPark: string
  readonly mapPort: string
  readonly mapBuilding: string
  readonly roadCasing: string
  readonly roadNoData: string
  readonly roadFree: string
  readonly roadSlow: string
  readonly roadJam: string
  readonly label: string
  readonly halo: string
  readonly lampLit: string
  readonly lampOff: string
  readonly pulse: string
}

const dusk: Theme = {
  ground: '#1f242a',
  panel: '#1f242a',
  raised: '#2b3138',
  line: '#3d454e',
  text: '#d5dae0',
  muted: '#9aa4af',
  accent: '#c3ccd6',
  focus: '#8fd0ff',
  critical: '#ff4d4d',
  major: '#ff9933',
  minor: '#f4d03f',
  info: '#5cb8ff',
  normal: '#8b95a1',
  stale: '#77828e',
  exercise: '#c6a7ff',
  onSeverity: '#14171a',
  mapLand: '#171c23',
  mapZone: '#1b2129',
  mapWater: '#0d1d33',
  mapWaterLine: '#1d3a5c',
  mapPark: '#18241f',
  mapPort: '#1e232a',
  mapBuilding: '#2a323c',
  roadCasing: '#11151a',
  roadNoData: '#3a424c',
  roadFree: '#66717e',
  roadSlow: '#e0942e',
  roadJam: '#ff4d4d',
  label: '#c3ccd6',
  halo: '#12161b',
  lampLit: '#ffd9a0',
  lampOff: '#4b5560',
  pulse: '#fff3dc',
}

const night: Theme = {
  ...dusk,
  ground: '#14171a',
  panel: '#14171a',
  raised: '#1e2328',
  line: '#2f363d',
  text: '#c9cfd6',
  muted: '#8d97a2',
  mapLand: '#0d1116',
  mapZone: '#10151b',
  mapWater: '#071426',
  mapWaterLine: '#14304f',
  mapPark: '#0e1814',
  mapPort: '#13171c',
  mapBuilding: '#1d242c',
  roadCasing: '#080b0e',
  roadNoData: '#2c333b',
  roadFree: '#55606c',
  lampOff: '#3c4650',
  halo: '#0a0d10',
}

const day: Theme = {
  ground: '#eceded',
  panel: '#eceded',
  raised: '#f7f8f8',
  line: '#c3c8cd',
  text: '#1f262d',
  muted: '#59626c',
  accent: '#323b44',
  focus: '#0b5cad',
  critical: '#c4161c',
  major: '#a84b00',
  minor: '#7a5c00',
  info: '#0b5cad',
  normal: '#59626c',
  stale: '#6b7580',
  exercise: '#5a2ca0',
  onSeverity: '#ffffff',
  mapLand: '#dfe1e2',
  mapZone: '#e5e7e8',
  mapWater: '#b4c6d8',
  mapWaterLine: '#8fa9c2',
  mapPark: '#cfdacd',
  mapPort: '#d5d7d9',
  mapBuilding: '#cdd1d5',
  roadCasing: '#b5bbc1',
  roadNoData: '#c9ced3',
  roadFree: '#8d97a2',
  roadSlow: '#c06a00',
  roadJam: '#c4161c',
  label: '#323b44',
  halo: '#eceded',
  lampLit: '#e08a00',
  lampOff: '#8b949d',
  pulse: '#1f262d',
}

export const THEMES: Readonly<Record<ThemeName, Theme>> = { dusk, night, day }
export const THEME_NAMES: readonly ThemeName[] = ['dusk', 'night', 'day']

/** Put a theme's colours on the root element as custom properties (`--map-land`). */
export function applyTheme(name: ThemeName, root: HTMLElement): void {
  root.dataset.theme = name
  root.style.colorScheme = name === 'day' ? 'light' : 'dark'
  for (const [key, value] of Object.entries(THEMES[name])) root.style.setProperty(cssName(key), value)
}

export const cssName = (key: string): string => `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`

/** Red, green, blue as 0-1. */
export function rgb(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16)
  return [((n >> 16) & 255) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255]
}

/** Contrast ratio of two colours (WCAG 2.2, relative luminance). */
export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

function luminance(hex: string): number {
  const [r, g, b] = rgb(hex).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
