/** The console's state as the address sees it, so that a view can be linked. Pure functions on strings. */

import type { Lang } from './i18n'
import type { ThemeName } from './theme/tokens'

export type View = 'map' | 'table'

export interface ViewState {
  readonly view: View
  readonly layer: number
  /** "i:<incident>", "a:<fingerprint>" or "d:<device id>". */
  readonly selection: string | null
  readonly lang: Lang
  readonly theme: ThemeName
  /** Longitude, latitude, zoom, bearing, pitch. */
  readonly camera: readonly [number, number, number, number, number] | null
}

/** Read a hash such as "#view=map&layer=1&sel=i:3&at=106.68,20.86,13,0,40". Unknown or wrong parts are left out. */
export function readHash(hash: string): Partial<ViewState> {
  const given = new URLSearchParams(hash.replace(/^#/, ''))
  const found: { -readonly [K in keyof ViewState]?: ViewState[K] } = {}
  const view = given.get('view')
  if (view === 'map' || view === 'table') found.view = view
  const layer = Number(given.get('layer'))
  if (Number.isInteger(layer) && layer >= 1 && layer <= 9) found.layer = layer
  const selection = given.get('sel')
  if (selection && /^[iad]:./.test(selection)) found.selection = selection
  const lang = given.get('lang')
  if (lang === 'vi' || lang === 'en') found.lang = lang
  const theme = given.get('theme')
  if (theme === 'dusk' || theme === 'night' || theme === 'day') found.theme = theme
  const at = (given.get('at') ?? '').split(',').map(Number)
  if (at.length === 5 && at.every(Number.isFinite)) found.camera = at as unknown as ViewState['camera']
  return found
}

export function writeHash(state: ViewState): string {
  const parts = [`view=${state.view}`, `layer=${state.layer}`, `lang=${state.lang}`, `theme=${state.theme}`]
  if (state.selection) parts.push(`sel=${encodeURIComponent(state.selection)}`)
  if (state.camera) {
    const [lon, lat, zoom, bearing, pitch] = state.camera
    parts.push(`at=${lon.toFixed(5)},${lat.toFixed(5)},${zoom.toFixed(2)},${bearing.toFixed(0)},${pitch.toFixed(0)}`)
  }
  return `#${parts.join('&')}`
}

/** The token of a capability link (`#seat=TOKEN`, or a whole link pasted by a person), or null. */
export function seatToken(text: string): string | null {
  const m = /(?:^|[#&?])seat=([^&\s#]+)/.exec(text)
  if (m?.[1]) return decodeURIComponent(m[1])
  return null
}
