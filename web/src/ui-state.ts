/** What the viewer looks at: view, layer, selection, language, theme. Kept in the address; choices also on this machine. */

import type { Lang } from './i18n'
import { createStore, type Store } from './store'
import type { ThemeName } from './theme/tokens'
import { readHash, seatToken, type ViewState, writeHash } from './url'

export interface UiState extends ViewState {
  readonly shortcuts: boolean
  readonly help: boolean
}

export type UiStore = Store<UiState, Partial<UiState>>

const DEFAULTS: UiState = {
  view: 'map',
  layer: 1,
  selection: null,
  lang: 'vi',
  theme: 'dusk',
  camera: null,
  shortcuts: true,
  help: false,
}

const KEPT = 'cityops.choices'

export interface Choices {
  lang?: Lang
  theme?: ThemeName
  shortcuts?: boolean
}

/** What the person chose on this machine: language, theme, single keys. */
export function choices(): Choices {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? '{}') as Choices
  } catch {
    return {}
  }
}

/** Keep choices beside those that are kept already. */
export function keepChoices({ lang, theme, shortcuts }: Choices): void {
  try {
    const more = shortcuts === undefined ? {} : { shortcuts }
    localStorage.setItem(KEPT, JSON.stringify({ ...choices(), lang, theme, ...more }))
  } catch {
    // a browser without storage forgets, no more
  }
}

export function createUi(): UiStore {
  const hash = seatToken(location.hash) ? {} : readHash(location.hash)
  const store = createStore<UiState, Partial<UiState>>((state, change) => ({ ...state, ...change }), {
    ...DEFAULTS,
    ...choices(),
    ...hash,
  })
  return store
}

/** Write the state to the address as it changes, and follow Back and pasted links. */
export function bindUrl(ui: UiStore): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let selection = ui.get().selection
  const write = () => {
    const state = ui.get()
    const hash = writeHash(state)
    if (hash === location.hash) return
    if (state.selection !== selection) history.pushState(null, '', hash)
    else history.replaceState(null, '', hash)
    selection = state.selection
    keepChoices(state)
  }
  ui.subscribe(() => {
    clearTimeout(timer)
    timer = setTimeout(write, 250)
  })
  addEventListener('popstate', () => {
    const found = readHash(location.hash)
    selection = found.selection ?? null
    ui.dispatch({ ...found, selection })
  })
}
