/** Entry of the rule lab at the center: it shows what every seat may see, and no truth. */

import { useCallback, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/base.css'
import '../styles/desk.css'
import '../styles/panel.css'
import '../styles/lab.css'
import '../styles/results.css'
import { ApiError, api } from '../api'
import { type Lang, MESSAGES } from '../i18n'
import { applyTheme, type ThemeName } from '../theme/tokens'
import { Gate } from '../ui/Gate'
import { choices, keepChoices } from '../ui-state'
import { seatToken } from '../url'
import type { CityInfo, Clock } from '../wire'
import { LabApi } from './api'
import { LabHeader } from './Header'
import { Lab } from './Lab'
import { LAB } from './texts'

const labApi = new LabApi('')
const TOKEN = seatToken(location.hash)
if (TOKEN) history.replaceState(null, '', location.pathname + location.search)
const RETRY_MS = 1_500
const CLOCK_MS = 1_000

type Phase = 'connecting' | 'starting' | 'no_seat' | 'unreachable' | 'ready'

function Page() {
  const [lang, setLang] = useState<Lang>(choices().lang ?? 'vi')
  const [theme, setTheme] = useState<ThemeName>(choices().theme ?? 'dusk')
  const [phase, setPhase] = useState<Phase>('connecting')
  const [problem, setProblem] = useState('')
  const [city, setCity] = useState<CityInfo | null>(null)
  const [clock, setClock] = useState<Clock | null>(null)
  const t = MESSAGES[lang]
  const enter = useCallback(async (token: string | null) => {
    try {
      await (token ? api.takeSeat(token) : api.session())
      const found = await labApi.city()
      if (!found) {
        setPhase('starting')
        setTimeout(() => void enter(null), RETRY_MS)
        return
      }
      setCity(found)
      setPhase('ready')
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0
      const silent = status === 0 || status >= 500
      setPhase(silent ? 'unreachable' : 'no_seat')
      setProblem(token && !silent ? 'wrong' : '')
      if (silent) setTimeout(() => void enter(token), RETRY_MS)
    }
  }, [])
  useEffect(() => void enter(TOKEN), [enter])
  useEffect(() => {
    document.documentElement.lang = lang
    applyTheme(theme, document.documentElement)
    keepChoices({ lang, theme })
  }, [lang, theme])
  useEffect(() => {
    if (phase !== 'ready') return
    const look = () =>
      labApi.overview().then(
        (found) => setClock(found.clock),
        () => setClock(null),
      )
    void look()
    const timer = setInterval(look, CLOCK_MS)
    return () => clearInterval(timer)
  }, [phase])
  const header = <LabHeader {...{ t, lang, setLang, theme, setTheme, clock, city }} back="/" backText={LAB[lang].toConsole} />
  if (phase === 'ready' && city)
    return (
      <div className="lab-page">
        {header}
        <Lab api={labApi} startAt={city.start_at} t={t} lang={lang} themeName={theme} />
      </div>
    )
  return <Gate phase={phase === 'ready' ? 'connecting' : phase} problem={problem} t={t} takeSeat={(token) => void enter(token)} />
}

createRoot(document.getElementById('root') as HTMLElement).render(<Page />)
