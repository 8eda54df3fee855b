/** One device of any kind, drawn from the kind's metadata alone; and one alert that belongs to no incident. */

import { useEffect, useMemo } from 'react'
import { offers, type Target } from '../actions'
import { clockAt } from '../format'
import { ACTIVE_BIT, SEVERITY_MASK, STALE_BIT } from '../frames'
import { note, say } from '../i18n'
import type { Alert, Severity } from '../wire'
import { CommandForm, CommandLine } from './CommandForm'
import { useConsole, useOps, usePermission, useSignal, useText } from './context'
import { DeviceCharts } from './DeviceCharts'
import { Advice, WhyLink } from './IncidentPanel'
import { Panel } from './Panel'
import { SeverityMark } from './Severity'

export const SEVERITY_OF_BITS: readonly (Severity | null)[] = [null, 'info', 'minor', 'major', 'critical']

/** A state byte in words. */
export function useStateWords(): (state: number) => string {
  const { t } = useText()
  return (state) => {
    const severity = SEVERITY_OF_BITS[state & SEVERITY_MASK]
    const words = [severity ? t.severity[severity] : '', state & STALE_BIT ? t.stale : '']
    return words.filter(Boolean).join(', ') || t.normal
  }
}

export function DevicePanel({ device }: { device: number }) {
  const { ops, ui } = useConsole()
  const { t, lang } = useText()
  useSignal(ops.devices.changed)
  const words = useStateWords()
  const table = ops.devices.table
  const kind = ops.devices.kindOf(device)
  const types = useOps((state) => state.commandTypes)
  const commands = useOps((state) => state.commands)
  const incidents = useOps((state) => state.incidents)
  const alerts = useOps((state) => state.alerts)
  const mayCommand = usePermission('command')
  useEffect(() => ops.watch([device]), [ops, device])
  const id = table?.id[device] ?? ''
  const offered = useMemo(() => {
    const allowed = types.filter((type) => kind?.commands.includes(type.type))
    return offers(allowed, deviceTargets(id, kind?.name ?? '', table?.feeder[device] ?? '', table?.name[device] ?? ''))
  }, [types, kind, id, table, device])
  if (!table || !kind) return null
  const state = ops.devices.shown[device] ?? STALE_BIT
  const severity = SEVERITY_OF_BITS[state & SEVERITY_MASK]
  const here = new Set([...alerts.values()].filter((alert) => alert.devices.includes(device)).map((alert) => alert.incident_id))
  const mine = [...commands.values()].filter((command) => command.target.id === id)
  return (
    <Panel testId="device-panel" label={say(kind.title, lang) || kind.name} id={id} tone={severity ?? undefined}>
      <div className="panel-title">
        {severity ? <SeverityMark severity={severity} size={20} /> : <span className="dot" aria-hidden="true" />}
        <div>
          <h2>{table.name[device] || id}</h2>
          <p className="muted">{id}</p>
        </div>
      </div>
      <div className="facts">
        <span className={`chip ${state & STALE_BIT ? 'stale' : ''}`} data-testid="device-state">
          {words(state)}
        </span>
        {(state & ACTIVE_BIT) !== 0 && kind.active && <span className="chip">{kind.active}</span>}
        {table.feeder[device] && (
          <span className="chip">
            {t.feeder} <b>{table.feeder[device]}</b>
          </span>
        )}
      </div>
      {[...incidents.values()]
        .filter((incident) => here.has(incident.incident_id))
        .map((incident) => (
          <button
            key={incident.incident_id}
            type="button"
            className="link"
            onClick={() => ui.dispatch({ selection: `i:${incident.incident_id}` })}
          >
            <SeverityMark severity={incident.severity} /> {say(incident.title, lang)}
          </button>
        ))}
      <DeviceCharts device={device} />
      {mayCommand && offered.length > 0 && (
        <section>
          <h3>{t.actions}</h3>
          {offered.map((offer) => (
            <CommandForm key={offer.type.type} offer={offer} incident={null} />
          ))}
        </section>
      )}
      {mine.length > 0 && (
        <ul className="commands">
          {mine.map((command) => (
            <CommandLine key={command.command_id} command={command} />
          ))}
        </ul>
      )}
    </Panel>
  )
}

/** A device as a target of commands: by its kind's short name (a luminaire, a cabinet, a signal) and by the feeder behind it. */
function deviceTargets(id: string, kind: string, feeder: string, name: string): Target[] {
  const short = kind.replace(/_(controller|meter|pole)$/, '')
  const own = [...new Set([short, kind, 'device'])].map((known) => ({ kind: known, id, name: name || id }))
  return [...own.filter((target) => target.kind !== 'feeder'), ...(feeder ? [{ kind: 'feeder', id: feeder, name: feeder }] : [])]
}

export function AlertPanel({ alert }: { alert: Alert }) {
  const { ops } = useConsole()
  const { t, lang } = useText()
  const may = usePermission('acknowledge')
  const startAt = useOps((state) => state.city?.start_at ?? '')
  const devices = alert.devices.slice(0, 3)
  return (
    <Panel testId="alert-panel" label={t.alert} id={alert.fingerprint} tone={alert.severity}>
      <div className="panel-title">
        <SeverityMark severity={alert.severity} size={20} label={t.severity[alert.severity]} />
        <div>
          <h2>{note(alert.annotations, 'summary', lang) || alert.name}</h2>
          <p className="muted">{alert.place?.name}</p>
        </div>
      </div>
      <div className="facts">
        <span className="chip">{t.condition[alert.condition]}</span>
        <span className="chip num">{clockAt(startAt, alert.fired_ms ?? 0)}</span>
      </div>
      <Advice alert={alert} />
      <WhyLink alert={alert} />
      {may && alert.acknowledged_by === null && (
        <div className="buttons">
          <button
            type="button"
            className="primary"
            data-testid="ack-button"
            onClick={() => ops.acknowledgeAlert(alert.fingerprint)}
          >
            {t.acknowledge} <kbd>a</kbd>
          </button>
        </div>
      )}
      {alert.acknowledged_by !== null && (
        <span className="chip done">✓ {t.acknowledged.replace('{who}', alert.acknowledged_by)}</span>
      )}
      {devices.map((device) => (
        <DeviceCharts key={device} device={device} most={1} />
      ))}
    </Panel>
  )
}
