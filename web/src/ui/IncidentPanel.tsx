/** One incident: what it is, its service clock, what to do, its alerts, charts, commands and timeline. */

import { useEffect, useMemo } from 'react'
import { targetsOf } from '../actions'
import { charted } from '../charted'
import { clockAt, duration, fill } from '../format'
import { note, say } from '../i18n'
import { labLink } from '../lab/address'
import { THEMES } from '../theme/tokens'
import type { Alert, Incident } from '../wire'
import { useConsole, useOps, useText, useUi } from './context'
import { DeviceCharts } from './DeviceCharts'
import { IncidentActions } from './IncidentActions'
import { Panel } from './Panel'
import { SeverityMark } from './Severity'
import { Timeline } from './Timeline'

const WATCHED = 64
const CHARTED = 3

/** The alerts of an incident, its root first. */
function useAlertsOf(incident: Incident): Alert[] {
  const alerts = useOps((state) => state.alerts)
  return useMemo(() => {
    const listed = new Map<string, Alert>()
    for (const entry of incident.alerts ?? []) {
      const alert = typeof entry === 'string' ? alerts.get(entry) : entry
      if (alert) listed.set(alert.fingerprint, alerts.get(alert.fingerprint) ?? alert)
    }
    for (const alert of alerts.values()) if (alert.incident_id === incident.incident_id) listed.set(alert.fingerprint, alert)
    const root = (alert: Alert) => (alert.fingerprint === incident.root_alert ? 0 : 1)
    return [...listed.values()].sort((a, b) => root(a) - root(b) || (a.fired_ms ?? 0) - (b.fired_ms ?? 0))
  }, [incident, alerts])
}

function ServiceClock({ incident }: { incident: Incident }) {
  const { t } = useText()
  const now = useOps((state) => Math.floor((state.clock?.now_ms ?? 0) / 1000) * 1000)
  if (incident.respond_by_ms === null) return null
  const answered = !['reported', 'verified'].includes(incident.state)
  const left = incident.respond_by_ms - now
  const whole = Math.max(1, incident.respond_by_ms - incident.opened_ms)
  const tone = answered ? 'met' : left < 0 ? 'late' : left < whole / 3 ? 'soon' : ''
  const share = answered ? 1 : Math.max(0, Math.min(1, left / whole))
  return (
    <div className={`service-clock ${tone}`} data-testid="service-clock">
      <span>{answered ? t.respondMet : left < 0 ? t.respondLate : t.respondBy}</span>
      {!answered && <b className="num">{duration(Math.abs(left))}</b>}
      <progress max={1} value={share} aria-hidden="true" />
    </div>
  )
}

/** No alert fires, but only because nobody speaks: red never means off, and quiet never means over. */
function Silence({ incident }: { incident: Incident }) {
  const { t } = useText()
  const startAt = useOps((state) => state.city?.start_at ?? '')
  if (incident.silent_since_ms == null) return null
  return (
    <div className="service-clock late" role="status" data-testid="silent-since">
      <span>{fill(t.silentSince, { time: clockAt(startAt, incident.silent_since_ms) })}</span>
    </div>
  )
}

export function IncidentPanel({ incident }: { incident: Incident }) {
  const { ops } = useConsole()
  const { t, lang } = useText()
  const socket = useOps((state) => state.socket)
  const startAt = useOps((state) => state.city?.start_at ?? '')
  const theme = THEMES[useUi((state) => state.theme)]
  const id = incident.incident_id
  const alerts = useAlertsOf(incident)
  const root = alerts[0]
  const devices = useMemo(() => [...new Set(alerts.flatMap((alert) => alert.devices))], [alerts])
  const drawn = useMemo(() => charted(devices, (device) => ops.devices.table?.kind[device] ?? -1, CHARTED), [devices, ops])
  const watched = [...new Set([...drawn, ...devices])].slice(0, WATCHED).join(',')
  useEffect(() => {
    if (socket === 'open') void ops.openIncident(id)
  }, [ops, id, socket])
  useEffect(() => {
    ops.watch(watched === '' ? [] : watched.split(',').map(Number))
  }, [ops, watched])
  const marks = useMemo(
    () => [{ from: incident.opened_ms, color: theme[incident.severity] }],
    [incident.opened_ms, incident.severity, theme],
  )
  const targets = useMemo(() => targetsOf(incident, alerts), [incident, alerts])
  return (
    <Panel testId="incident-panel" label={t.incident} id={id} tone={incident.severity}>
      <div className="panel-title">
        <SeverityMark severity={incident.severity} size={20} />
        <div>
          <h2>{say(incident.title, lang)}</h2>
          <p className="muted">
            <span className="sev-word">{t.severity[incident.severity]}</span> · {incident.place?.name || incident.place?.id} · #
            {id}
          </p>
        </div>
      </div>
      <div className="facts">
        <span className="chip" data-testid="incident-state" data-state={incident.state}>
          {t.incidentState[incident.state]}
        </span>
        <span className="chip">
          {t.opened} <b className="num">{clockAt(startAt, incident.opened_ms)}</b>
        </span>
        <span className="chip">
          {t.owner}: <b>{incident.owner || t.nobody}</b>
        </span>
        {incident.device_count > 0 && (
          <span className="chip">{t.devicesInvolved.replace('{n}', String(incident.device_count))}</span>
        )}
      </div>
      <ServiceClock incident={incident} />
      <Silence incident={incident} />
      {root && <Advice alert={root} />}
      {root && <WhyLink alert={root} />}
      <IncidentActions incident={incident} targets={targets} />
      <details className="fold">
        <summary>
          {alerts.length === 1
            ? t.alertsOne
            : t.alertsFolded.replace('{n}', String(Math.max(alerts.length, incident.alert_count)))}
        </summary>
        <ul className="alert-list">
          {alerts.map((alert) => (
            <li key={alert.fingerprint} className={alert.condition}>
              <SeverityMark severity={alert.severity} label={t.severity[alert.severity]} />
              <span>{note(alert.annotations, 'summary', lang) || alert.name}</span>
              <span className="muted">
                {t.condition[alert.condition]}{' '}
                <span className="num">{clockAt(startAt, alert.fired_ms ?? alert.active_ms ?? 0)}</span>
              </span>
            </li>
          ))}
        </ul>
      </details>
      {devices.length > 0 && (
        <section>
          <h3>{t.charts}</h3>
          {drawn.map((device) => (
            <div key={device} className="device-charts">
              <DeviceName device={device} />
              <DeviceCharts device={device} most={1} marks={marks} />
            </div>
          ))}
        </section>
      )}
      <Timeline incident={incident} />
    </Panel>
  )
}

export function Advice({ alert }: { alert: Alert }) {
  const { t, lang } = useText()
  const cause = note(alert.annotations, 'cause', lang)
  const action = note(alert.annotations, 'action', lang)
  if (!cause && !action) return null
  return (
    <dl className="advice">
      {cause && (
        <div>
          <dt>{t.cause}</dt>
          <dd>{cause}</dd>
        </div>
      )}
      {action && (
        <div>
          <dt>{t.action}</dt>
          <dd>{action}</dd>
        </div>
      )}
    </dl>
  )
}

/** The way to the rule lab, at the question why this alert fired. */
export function WhyLink({ alert }: { alert: Alert }) {
  const { t } = useText()
  const { alertname: _, ...labels } = alert.labels
  return (
    <a className="why-link" href={labLink(alert.name, labels, alert.fired_ms ?? alert.active_ms)} data-testid="why-link">
      {t.whyFired}
    </a>
  )
}

function DeviceName({ device }: { device: number }) {
  const { ops, ui } = useConsole()
  const { lang } = useText()
  const id = ops.devices.table?.id[device]
  if (!id) return null
  return (
    <button type="button" className="link" onClick={() => ui.dispatch({ selection: `d:${id}` })}>
      {ops.devices.table?.name[device] || id} <span className="muted">{say(ops.devices.kindOf(device)?.title, lang)}</span>
    </button>
  )
}
