/** Single keys: move in the queue, open, acknowledge, layers, search, help. Off while a person types, or by choice. */

import { useEffect } from 'react'
import { MAP_LAYERS } from '../map/layers'
import { buildRows, stepSelection } from '../queue'
import { type Console, useConsole } from './context'
import { useMapHandle, zoomFor } from './map-handle'

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** The keys of the rows as they stand on the screen, which may be held in an older order. */
function shownKeys(): string[] {
  return [...document.querySelectorAll<HTMLElement>('[data-testid="queue-row"]')].map((row) => row.dataset.key ?? '')
}

function move({ ops, ui }: Console, step: number): void {
  const state = ops.store.get()
  const byKey = new Map(buildRows(state.incidents.values(), state.alerts.values()).map((row) => [row.key, row]))
  const rows = shownKeys().flatMap((key) => byKey.get(key) ?? [])
  ui.dispatch({ selection: stepSelection(rows, ui.get().selection, step) })
}

function acknowledge({ ops, ui }: Console): void {
  const selection = ui.get().selection
  const state = ops.store.get()
  if (!selection || !state.session?.permissions.includes('acknowledge') || state.clock?.mode === 'REPLAY') return
  const id = selection.slice(2)
  if (selection.startsWith('i:') && state.incidents.get(id)?.acknowledged_by === null) void ops.judge(id, 'acknowledge')
  if (selection.startsWith('a:') && state.alerts.get(id)?.acknowledged_by === null) void ops.acknowledgeAlert(id)
}

const ARROWS: Readonly<Record<string, string>> = { ArrowDown: 'j', ArrowUp: 'k' }

export function useKeys(): void {
  const at = useConsole()
  const map = useMapHandle()
  useEffect(() => {
    const { ops, ui } = at
    const flyToSelection = () => {
      const selection = ui.get().selection
      const state = ops.store.get()
      const place = selection?.startsWith('i:')
        ? state.incidents.get(selection.slice(2))
        : state.alerts.get(selection?.slice(2) ?? '')
      if (place?.lon != null && place.lat != null) map.current?.flyTo(place.lon, place.lat, zoomFor(place.place?.kind))
    }
    const commands: Readonly<Record<string, () => void>> = {
      j: () => move(at, 1),
      k: () => move(at, -1),
      Enter: flyToSelection,
      a: () => acknowledge(at),
      t: () => ui.dispatch({ view: ui.get().view === 'map' ? 'table' : 'map' }),
      '/': () => document.getElementById('search')?.focus(),
      '?': () => ui.dispatch({ help: true }),
      '0': () => map.current?.home(),
      p: () => {
        const { session, clock } = ops.store.get()
        if (session?.permissions.includes('control') && clock) void ops.control({ pause: !clock.paused })
      },
    }
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
      if (event.key === 'Escape') return ui.dispatch({ selection: null })
      if (!ui.get().shortcuts || document.querySelector('[role="dialog"]')) return
      const onButton = event.target instanceof HTMLElement && event.target.closest('button, a, summary, [role="switch"]') !== null
      if (event.key === 'Enter' && onButton) return
      const layer = MAP_LAYERS.find((option) => String(option.id) === event.key)
      if (layer) return ui.dispatch({ layer: layer.id })
      const command = commands[ARROWS[event.key] ?? event.key]
      if (!command) return
      event.preventDefault()
      command()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [at, map])
}
