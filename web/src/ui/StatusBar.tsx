/** Always on: the clock, the pace, the mode in words, how old the data is, the alarm rate, who sits here. */

import { type ReactNode, useRef } from 'react'
import { localParts, number, pace } from '../format'
import { say } from '../i18n'
import { THEME_NAMES } from '../theme/tokens'
import { useConsole, useOps, usePermission, usePoll, useRole, useSignal, useText, useUi } from './context'
import { LangSwitch } from './LangSwitch'
import { Search } from './Search'

const FLOOD = 10
const SILENT = 0.02

function Item({ label, children, className }: { label: string; children: ReactNode; className?: string }) {
  return (
    <div className={`status-item ${className ?? ''}`}>
      <span className="status-label">{label}</span>
      <span className="status-value">{children}</span>
    </div>
  )
}

export function modeWord(mode: string | undefined, t: { live: string; paused: string; replay: string }): string {
  return mode === 'PAUSED' ? t.paused : mode === 'REPLAY' ? t.replay : mode === 'LIVE' ? t.live : '–'
}

function ModeChip() {
  const { t } = useText()
  const mode = useOps((state) => state.clock?.mode)
  const warming = useOps((state) => state.clock?.warming_up ?? false)
  const ended = useOps((state) => state.clock?.ended ?? false)
  const offline = useOps((state) => state.socket !== 'open' || state.clock?.city_connected === false)
  const paused = useOps((state) => state.clock?.paused ?? false)
  const shown = ended ? `${t.replay} · ${t.ended}` : paused ? `${t.replay} · ${t.paused}` : t.replay
  const word = offline ? t.offline : mode === 'REPLAY' ? shown : ended ? t.ended : warming ? t.warmingUp : modeWord(mode, t)
  return (
    <strong
      className={`mode mode-${offline ? 'lost' : (mode ?? 'none').toLowerCase()}`}
      data-testid="mode"
      data-mode={offline ? 'LOST' : (mode ?? '')}
    >
      <span className="mode-dot" aria-hidden="true" />
      {word}
    </strong>
  )
}

function ClockItem() {
  const { t } = useText()
  const local = useOps((state) => state.clock?.local ?? '')
  const now = useOps((state) => state.clock?.now_ms ?? 0)
  const { time, date, zone } = localParts(local)
  return (
    <time className="clock" data-testid="clock" data-now-ms={now} dateTime={local} title={t.clock}>
      <b>{time}</b>
      <span>
        {zone}
        <br />
        {date}
      </span>
    </time>
  )
}

const PACES = ['0.5', '1', '5', '10', '50', '200', '1000', 'max']

function PaceControl() {
  const { ops } = useConsole()
  const { t, lang } = useText()
  const clock = useOps((state) => state.clock)
  const may = usePermission('control')
  const achieved = clock ? `×${number(clock.achieved_pace, lang, 2)}` : '–'
  const now = clock ? String(clock.pace) : '1'
  return (
    <div className="pace">
      {may && (
        <button
          type="button"
          className="icon"
          aria-label={clock?.paused ? t.resume : t.pause}
          title={clock?.paused ? t.resume : t.pause}
          onClick={() => ops.control({ pause: !clock?.paused })}
        >
          {clock?.paused ? '▶' : '❚❚'}
        </button>
      )}
      {may ? (
        <select
          aria-label={t.pace}
          value={now}
          onChange={(event) => {
            const chosen = event.target.value
            void ops.control({ pace: chosen === 'max' ? 'max' : Number(chosen) })
          }}
        >
          {[...new Set([now, ...PACES])].map((choice) => (
            <option key={choice} value={choice}>
              {pace(choice)}
            </option>
          ))}
        </select>
      ) : (
        <b>{pace(clock?.pace)}</b>
      )}
      <span className="muted">{t.achieved.replace('{pace}', achieved)}</span>
    </div>
  )
}

function FeedAge() {
  const { ops } = useConsole()
  const { t } = useText()
  const socket = useOps((state) => state.socket)
  const seconds = usePoll(() => Math.floor((performance.now() - ops.lastDataAt) / 1000), 500)
  const fresh = socket === 'open' && seconds < 3
  return <span className={fresh ? '' : 'warn'}>{fresh ? t.feedFresh : t.feedAge.replace('{s}', String(seconds))}</span>
}

/** How many devices are without data, once that is more than the few that are broken on any day. */
function Silent() {
  const { ops } = useConsole()
  const { t, lang } = useText()
  useSignal(ops.devices.changed)
  const heard = useOps((state) => state.socket === 'open' && state.clock?.city_connected !== false)
  const { devices, stale } = ops.devices.summary
  if (!heard || stale <= devices * SILENT) return null
  return (
    <span className="warn" data-testid="silent">
      {t.devicesSilent.replace('{n}', number(stale, lang))}
    </span>
  )
}

export function StatusBar() {
  const { ui, ops } = useConsole()
  const { t, lang } = useText()
  const { theme, view } = useUi((state) => state)
  const city = useOps((state) => state.city)
  const rate = useOps((state) => state.alarmRate)
  const bad = useOps((state) => state.badMessages)
  const refused = useOps((state) => state.refused)
  const role = useRole()
  const replay = useOps((state) => state.clock?.mode === 'REPLAY')
  const bar = useRef<HTMLElement>(null)
  return (
    <header className="status-bar" ref={bar}>
      <div className="brand">
        <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
          <path d="M3 21V10l5-3v14M8 21V4l6-2v19M14 21V8l7 3v10" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <circle cx="11" cy="8" r="1.5" className="brand-lamp" />
        </svg>
        <h1>
          {say(city?.title, lang) || t.app}
          <small>{t.console}</small>
        </h1>
      </div>
      <ModeChip />
      <ClockItem />
      <PaceControl />
      <Item label={t.alarmRate} className={rate > FLOOD ? 'flood' : ''}>
        {t.alarmRateUnit.replace('{n}', number(rate, lang, 2))}
        {rate > FLOOD && <strong> {t.flood}</strong>}
      </Item>
      <div className="status-item feed">
        <FeedAge />
        <Silent />
        {refused && (
          <strong className="warn" role="alert">
            {t.cityRefused.replace('{why}', refused)}
          </strong>
        )}
        {bad > 0 && <span className="warn">{t.badMessages.replace('{n}', String(bad))}</span>}
      </div>
      <Search key={ops.devices.count} />
      <div className="segmented" role="group" aria-label={`${t.map} / ${t.table}`}>
        {(['map', 'table'] as const).map((choice) => (
          <button type="button" key={choice} aria-pressed={view === choice} onClick={() => ui.dispatch({ view: choice })}>
            {t[choice]}
          </button>
        ))}
      </div>
      <a className="button lab-link" href="/lab" title={t.ruleLab} aria-label={t.ruleLab} data-testid="lab-link">
        <svg viewBox="0 0 20 14" width="18" height="13" aria-hidden="true">
          <path d="M1 12h4l3-9 4 8 3-5h4" fill="none" stroke="currentColor" strokeWidth="1.8" />
        </svg>
        <span>{t.ruleLab}</span>
      </a>
      <LangSwitch t={t} lang={lang} setLang={(choice) => ui.dispatch({ lang: choice })} />
      <select aria-label={t.theme} value={theme} onChange={(event) => ui.dispatch({ theme: event.target.value as typeof theme })}>
        {THEME_NAMES.map((name) => (
          <option key={name} value={name}>
            {t.themes[name]}
          </option>
        ))}
      </select>
      <span className="role" title={t.role}>
        {replay ? (
          t.replaySeat
        ) : role === 'instructor' && city?.exercise_url ? (
          <a href={city.exercise_url} target="_blank" rel="noreferrer">
            {t.instructorPage}
          </a>
        ) : (
          t.roles[role]
        )}
      </span>
      <button
        type="button"
        className="icon"
        aria-label={t.help}
        title={`${t.help} (?)`}
        onClick={() => ui.dispatch({ help: true })}
      >
        ?
      </button>
    </header>
  )
}
