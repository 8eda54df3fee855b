/** A place of the city, found by what people call it; empty means that the seed chooses. */

import { type KeyboardEvent, useEffect, useId, useState } from 'react'
import type { Messages } from '../i18n'
import { exercise, type PlaceFound } from './api'

interface Props {
  readonly kind: string
  readonly value: string
  readonly name: string
  readonly label: string
  readonly choose: (place: PlaceFound | null) => void
  readonly t: Messages
}

const WAIT_MS = 120

export function PlacePicker({ kind, value, name, label, choose, t }: Props) {
  const [open, setOpen] = useState(false)
  const [query, setQuery] = useState('')
  const [found, setFound] = useState<readonly PlaceFound[]>([])
  const [at, setAt] = useState(0)
  const list = useId()
  useEffect(() => {
    if (!open) return
    let live = true
    const timer = setTimeout(() => {
      exercise.places(kind, query).then(
        (places) => {
          if (!live) return
          setFound(places)
          setAt(0)
        },
        () => live && setFound([]),
      )
    }, WAIT_MS)
    return () => {
      live = false
      clearTimeout(timer)
    }
  }, [open, kind, query])
  const take = (place: PlaceFound | null) => {
    choose(place)
    setQuery('')
    setOpen(false)
  }
  const key = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      setOpen(true)
      setAt((n) => Math.max(0, Math.min(found.length, n + (event.key === 'ArrowDown' ? 1 : -1))))
    } else if (event.key === 'Enter' && open) {
      event.preventDefault()
      take(found[at] ?? null)
    } else if (event.key === 'Escape' && open) {
      event.stopPropagation()
      setOpen(false)
    }
  }
  return (
    <div className="place-picker">
      <div className="place-value">
        <input
          role="combobox"
          aria-label={label}
          aria-expanded={open}
          aria-controls={list}
          aria-activedescendant={open ? `${list}-${at}` : undefined}
          autoComplete="off"
          data-testid="place-input"
          data-kind={kind}
          placeholder={value ? name || value : t.chosenBySeed}
          className={value ? 'has-place' : ''}
          value={query}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onClick={() => setOpen(true)}
          onChange={(event) => {
            setQuery(event.target.value)
            setOpen(true)
          }}
          onKeyDown={key}
        />
        {value && (
          <button type="button" className="quiet" aria-label={t.chosenBySeed} title={t.chosenBySeed} onClick={() => take(null)}>
            ×
          </button>
        )}
      </div>
      {open && (
        <div className="place-list" id={list} role="listbox" aria-label={label}>
          {found.length === 0 && <p className="muted">{t.noPlace}</p>}
          {found.map((place, i) => (
            <div
              key={place.id}
              id={`${list}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === at}
              data-place={place.id}
              className={i === at ? 'at' : ''}
              onMouseEnter={() => setAt(i)}
              onMouseDown={(event) => {
                event.preventDefault()
                take(place)
              }}
            >
              <b>{place.name}</b>
              <span className="muted">
                {place.zone}
                {place.zone && place.id !== place.name ? ' · ' : ''}
                {place.id !== place.name ? place.id : ''}
              </span>
            </div>
          ))}
        </div>
      )}
    </div>
  )
}
