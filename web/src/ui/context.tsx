/** How views reach the console: the stores, the language, and summaries through useSyncExternalStore. */

import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import type { Lang, Messages } from '../i18n'
import { MESSAGES } from '../i18n'
import type { Signal } from '../live/signal'
import type { Ops } from '../ops'
import type { OpsState } from '../store'
import type { UiState, UiStore } from '../ui-state'

export interface Console {
  readonly ops: Ops
  readonly ui: UiStore
}

export const ConsoleContext = createContext<Console | null>(null)

export function useConsole(): Console {
  const value = useContext(ConsoleContext)
  if (!value) throw new Error('no console around this view')
  return value
}

/** A part of the state; the selector must return something that stays the same while nothing changed. */
export function useOps<T>(select: (state: OpsState) => T): T {
  const { ops } = useConsole()
  return useSyncExternalStore(ops.store.subscribe, () => select(ops.store.get()))
}

export function useUi<T>(select: (state: UiState) => T): T {
  const { ui } = useConsole()
  return useSyncExternalStore(ui.subscribe, () => select(ui.get()))
}

export function useSignal(signal: Signal): number {
  return useSyncExternalStore(signal.subscribe, signal.get)
}

export function useText(): { t: Messages; lang: Lang } {
  const lang = useUi((state) => state.lang)
  return { t: MESSAGES[lang], lang }
}

/** A value that is read again every `ms`. */
export function usePoll<T>(read: () => T, ms: number): T {
  const [value, set] = useState(read)
  useEffect(() => {
    const timer = setInterval(() => set(read()), ms)
    return () => clearInterval(timer)
  })
  return value
}

export const useRole = () => useOps((state) => state.session?.role ?? 'observer')

/** What the seat may do here: nothing can be changed in a replay but how it is shown. */
export function usePermission(name: string): boolean {
  return useOps(
    (state) => (state.session?.permissions.includes(name) ?? false) && (name === 'control' || state.clock?.mode !== 'REPLAY'),
  )
}
