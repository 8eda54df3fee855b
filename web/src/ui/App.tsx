/** The console's page: gate, or status bar, queue, map or table, and the panel of what is selected. */

import { useEffect, useRef } from 'react'
import type { MapView } from '../map/view'
import { applyTheme } from '../theme/tokens'
import { type Console, ConsoleContext, useConsole, useOps, useSignal, useText, useUi } from './context'
import { AlertPanel, DevicePanel } from './DevicePanel'
import { DeviceTable } from './DeviceTable'
import { Fence } from './Fence'
import { Gate } from './Gate'
import { Help } from './Help'
import { IncidentPanel } from './IncidentPanel'
import { useKeys } from './keys'
import { LangSwitch } from './LangSwitch'
import { MapPane } from './MapPane'
import { MapHandle } from './map-handle'
import { BranchSign, ConnectionBanner, LiveRegion, Toasts } from './Notices'
import { Queue } from './Queue'
import { Scrubber } from './Scrubber'
import { StatusBar } from './StatusBar'

export function App({ console: value }: { console: Console }) {
  const map = useRef<MapView | null>(null)
  return (
    <ConsoleContext value={value}>
      <MapHandle value={map}>
        <Page />
      </MapHandle>
    </ConsoleContext>
  )
}

function Page() {
  const { ops, ui } = useConsole()
  const { t, lang } = useText()
  const theme = useUi((state) => state.theme)
  const phase = useOps((state) => state.phase)
  const problem = useOps((state) => state.problem)
  useEffect(() => {
    document.documentElement.lang = lang
    document.title = `${t.app} · ${t.console}`
  }, [lang, t])
  useEffect(() => applyTheme(theme, document.documentElement), [theme])
  if (phase === 'ready') return <Desk />
  return (
    <Gate phase={phase} problem={problem} t={t} takeSeat={(token) => void ops.takeSeat(token)}>
      <LangSwitch t={t} lang={lang} setLang={(choice) => ui.dispatch({ lang: choice })} />
    </Gate>
  )
}

function Desk() {
  const { t } = useText()
  const view = useUi((state) => state.view)
  const selection = useUi((state) => state.selection)
  const mode = useOps((state) => state.clock?.mode ?? 'LIVE')
  const still = useOps((state) => state.clock?.paused ?? false)
  const lost = useOps((state) => state.socket === 'lost' || state.clock?.city_connected === false)
  useKeys()
  return (
    <div
      className={`desk frame-${lost ? 'lost' : mode.toLowerCase()} ${selection ? 'with-panel' : ''} ${still ? 'still' : ''}`}
      data-mode={mode}
    >
      <a className="skip" href="#queue-title">
        {t.skip}
      </a>
      <StatusBar />
      <Scrubber />
      <BranchSign />
      <ConnectionBanner />
      <main className="stage">
        <Fence text={t.viewFailed} again={t.tryAgain}>
          <MapPane />
        </Fence>
        {view === 'table' && <DeviceTable />}
        <Queue />
        <Fence key={selection} text={t.viewFailed} again={t.tryAgain}>
          <Selected />
        </Fence>
      </main>
      <Toasts />
      <LiveRegion />
      <Help />
    </div>
  )
}

function Selected() {
  const branch = useOps((state) => state.branch) // another branch is another past: panels begin anew
  const { ops } = useConsole()
  const selection = useUi((state) => state.selection)
  const id = selection?.slice(2) ?? ''
  const incident = useOps((state) => state.incidents.get(id))
  const alert = useOps((state) => state.alerts.get(id))
  useSignal(ops.devices.loaded)
  if (selection?.startsWith('i:') && incident) return <IncidentPanel key={`${branch}:${id}`} incident={incident} />
  if (selection?.startsWith('a:') && alert) return <AlertPanel key={`${branch}:${id}`} alert={alert} />
  const device = ops.devices.indexOf(id)
  if (selection?.startsWith('d:') && device >= 0) return <DevicePanel key={`${branch}:${id}`} device={device} />
  return null
}
