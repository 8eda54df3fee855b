/** The lab's head: which city, its clock, whether it is live, the way back, language and theme. */

import { localParts } from '../format'
import { type Lang, type Messages, say } from '../i18n'
import { THEME_NAMES, type ThemeName } from '../theme/tokens'
import { LangSwitch } from '../ui/LangSwitch'
import type { CityInfo, Clock } from '../wire'
import { LAB } from './texts'

interface Props {
  readonly t: Messages
  readonly lang: Lang
  readonly setLang: (lang: Lang) => void
  readonly theme: ThemeName
  readonly setTheme: (theme: ThemeName) => void
  readonly clock: Clock | null
  readonly city: CityInfo | null
  readonly back: string
  readonly backText: string
}

export function LabHeader({ t, lang, setLang, theme, setTheme, clock, city, back, backText }: Props) {
  const lt = LAB[lang]
  const { time, date, zone } = localParts(clock?.local ?? '')
  const mode = clock?.mode ?? ''
  const word = mode === 'REPLAY' ? t.replay : mode === 'PAUSED' ? t.paused : mode === 'LIVE' ? t.live : t.offline
  return (
    <header className="status-bar">
      <div className="brand">
        <h1>
          {lt.title}
          <small>{say(city?.title, lang) || t.app}</small>
        </h1>
      </div>
      <strong className={`mode mode-${mode ? mode.toLowerCase() : 'lost'}`} data-mode={mode}>
        <span className="mode-dot" aria-hidden="true" />
        {word}
      </strong>
      <time className="clock" data-testid="clock" data-now-ms={clock?.now_ms ?? 0} title={t.clock}>
        <b>{time}</b>
        <span>
          {zone}
          <br />
          {date}
        </span>
      </time>
      <span className="spring" />
      <a className="button" href={back}>
        {backText}
      </a>
      <LangSwitch t={t} lang={lang} setLang={setLang} />
      <select aria-label={t.theme} value={theme} onChange={(event) => setTheme(event.target.value as ThemeName)}>
        {THEME_NAMES.map((name) => (
          <option key={name} value={name}>
            {t.themes[name]}
          </option>
        ))}
      </select>
    </header>
  )
}
