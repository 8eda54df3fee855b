/** Search by name without diacritics: devices from memory, places from the center. */

import { useEffect, useMemo, useRef, useState } from 'react'
import { api } from '../api'
import { rank } from '../fold'
import { say } from '../i18n'
import type { FoundPlace } from '../wire'
import { useConsole, useText } from './context'
import { useMapHandle } from './map-handle'

interface Hit {
  readonly key: string
  readonly title: string
  readonly note: string
  readonly device: number
  readonly lon: number
  readonly lat: number
}

const SHOWN = 8
const SCANNED = 40

export function Search() {
  const { ops, ui } = useConsole()
  const { t, lang } = useText()
  const map = useMapHandle()
  const [query, setQuery] = useState('')
  const [places, setPlaces] = useState<readonly FoundPlace[]>([])
  const [at, setAt] = useState(0)
  const [open, setOpen] = useState(false)
  const input = useRef<HTMLInputElement>(null)

  useEffect(() => {
    if (query.trim().length < 2) return setPlaces([])
    const timer = setTimeout(() => {
      api.places(query.trim()).then(setPlaces, () => setPlaces([]))
    }, 180)
    return () => clearTimeout(timer)
  }, [query])

  const hits = useMemo(() => {
    const found: Hit[] = places.slice(0, SHOWN).map((place) => ({
      key: `p:${place.kind}:${place.id}`,
      title: place.name || place.id,
      note: place.kind,
      device: ops.devices.indexOf(place.id),
      lon: place.lon,
      lat: place.lat,
    }))
    const known = new Set(found.map((hit) => hit.device))
    return [...found, ...deviceHits(query, ops.devices.table).filter((hit) => !known.has(hit.device))].slice(0, SHOWN)

    function deviceHits(text: string, table: typeof ops.devices.table): Hit[] {
      if (!table || text.trim().length < 2) return []
      const list: { hit: Hit; rank: number }[] = []
      for (let i = 0; i < table.id.length && list.length < SCANNED; i++) {
        const ranked = rank(text, `${table.name[i] ?? ''} ${table.id[i] ?? ''}`)
        if (ranked < 0) continue
        const title = table.name[i] || table.id[i] || ''
        const note = `${say(ops.devices.kindOf(i)?.title, lang)} · ${table.id[i]}`
        list.push({
          rank: ranked,
          hit: { key: `d:${i}`, title, note, device: i, lon: table.lon[i] ?? 0, lat: table.lat[i] ?? 0 },
        })
      }
      return list.sort((a, b) => a.rank - b.rank).map((entry) => entry.hit)
    }
  }, [query, places, ops, lang])

  const choose = (hit: Hit | undefined) => {
    if (!hit) return
    const id = ops.devices.table?.id[hit.device]
    ui.dispatch({ view: 'map', ...(id ? { selection: `d:${id}` } : {}) })
    map.current?.flyTo(hit.lon, hit.lat, id ? 16 : 15)
    setOpen(false)
    input.current?.blur()
  }
  const list = open && query.trim().length >= 2
  return (
    <search className="search">
      <input
        ref={input}
        id="search"
        type="search"
        role="combobox"
        autoComplete="off"
        aria-label={t.search}
        aria-expanded={list}
        aria-controls="search-hits"
        aria-activedescendant={list && hits[at] ? `hit-${at}` : undefined}
        placeholder={t.searchPlaceholder}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value)
          setAt(0)
          setOpen(true)
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(hits.length - 1, at + 1))
          else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1))
          else if (event.key === 'Enter') choose(hits[at])
          else if (event.key === 'Escape') input.current?.blur()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      {list && (
        <div className="search-hits card" id="search-hits" role="listbox" aria-label={t.search}>
          {hits.length === 0 && <p className="muted">{t.searchNothing.replace('{q}', query.trim())}</p>}
          {hits.map((hit, index) => (
            <div
              key={hit.key}
              id={`hit-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              className="hit"
              onMouseDown={(event) => {
                event.preventDefault()
                choose(hit)
              }}
            >
              <b>{hit.title}</b>
              <span className="muted">{hit.note}</span>
            </div>
          ))}
        </div>
      )}
    </search>
  )
}
