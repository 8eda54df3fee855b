/** What must not be missed: the connection banner, toasts, and the polite announcement of new criticals. */

import { useEffect, useRef, useState } from 'react'
import { localParts } from '../format'
import { say } from '../i18n'
import { useConsole, useOps, usePoll, useText } from './context'

export function ConnectionBanner() {
  const { ops } = useConsole()
  const { t } = useText()
  const socket = useOps((state) => state.socket)
  const cityUp = useOps((state) => state.clock?.city_connected ?? true)
  const cityAge = useOps((state) => Math.floor(state.clock?.city_age_s ?? 0))
  const seconds = usePoll(() => Math.floor((performance.now() - ops.lastDataAt) / 1000), 500)
  if (socket === 'lost')
    return (
      <div className="banner lost" role="alert" data-testid="connection-banner" data-cause="connection">
        <b>{t.lost.replace('{s}', String(seconds))}</b> <span>{t.lostHint}</span>
      </div>
    )
  if (!cityUp)
    return (
      <div className="banner lost" role="alert" data-testid="connection-banner" data-cause="city">
        <b>{t.cityDown.replace('{s}', String(cityAge))}</b> <span>{t.cityDownHint}</span>
      </div>
    )
  return null
}

/** A branch is not the run that people began with: say whose it is and from when, for as long as it is shown. */
export function BranchSign() {
  const { t } = useText()
  const run = useOps((state) => state.run)
  if (!run?.parent) return null
  return (
    <p className="branch-sign" role="status" data-testid="branch-sign" data-run={run.id} data-parent={run.parent}>
      {t.branchOf.replace('{run}', run.parent).replace('{time}', localParts(run.fork_local ?? '').time)}
    </p>
  )
}

const TOAST_MS = 7_000

export function Toasts() {
  const { ops } = useConsole()
  const { t } = useText()
  const toasts = useOps((state) => state.toasts)
  const oldest = toasts[0]
  useEffect(() => {
    if (!oldest) return
    const timer = setTimeout(() => ops.store.dispatch({ do: 'untoast', id: oldest.id }), TOAST_MS)
    return () => clearTimeout(timer)
  }, [ops, oldest])
  return (
    <div className="toasts" role="alert" data-testid="toasts">
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast card ${toast.tone}`}>
          <span>{problemText(toast.text, t.errors)}</span>
          <button
            type="button"
            className="icon"
            aria-label={t.dismiss}
            onClick={() => ops.store.dispatch({ do: 'untoast', id: toast.id })}
          >
            ✕
          </button>
        </div>
      ))}
    </div>
  )
}

/** "status|detail" in words. */
export function problemText(text: string, errors: Readonly<Record<string, string>>): string {
  const cut = text.indexOf('|')
  const status = text.slice(0, cut)
  const detail = text.slice(cut + 1)
  const found = status === '0' ? errors.network : (errors[status] ?? errors.other)
  return (found ?? '').replace('{detail}', detail)
}

const ANNOUNCE_MS = 5_000

/** At most one announcement in five seconds, of the newest critical or major incident. */
export function LiveRegion() {
  const { t, lang } = useText()
  const incidents = useOps((state) => state.incidents)
  const known = useRef<Set<string> | null>(null)
  const lastAt = useRef(0)
  const [text, setText] = useState('')
  useEffect(() => {
    const all = [...incidents.values()]
    const fresh = all.filter((incident) => known.current && !known.current.has(incident.incident_id))
    const urgent =
      fresh.find((incident) => incident.severity === 'critical') ?? fresh.find((incident) => incident.severity === 'major')
    const wait = performance.now() - lastAt.current < ANNOUNCE_MS
    if (urgent && wait) return
    known.current = new Set(all.map((incident) => incident.incident_id))
    if (!urgent) return
    lastAt.current = performance.now()
    setText(`${t.announceNew.replace('{title}', say(urgent.title, lang))} (${t.severity[urgent.severity]})`)
  }, [incidents, t, lang])
  return (
    <div className="visually-hidden" aria-live="polite" data-testid="live-region">
      {text}
    </div>
  )
}
