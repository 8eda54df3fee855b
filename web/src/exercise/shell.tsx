/** What the instructor's pages share: language, the permanent banner, taking the seat. */

import { type ReactNode, useCallback, useEffect, useState } from 'react'
import { ApiError } from '../api'
import { type Lang, MESSAGES, type Messages } from '../i18n'
import { applyTheme } from '../theme/tokens'
import { Gate } from '../ui/Gate'
import { LangSwitch } from '../ui/LangSwitch'
import { problemText } from '../ui/Notices'
import { seatToken } from '../url'
import { exercise } from './api'

export interface Shell {
  readonly t: Messages
  readonly lang: Lang
  readonly setLang: (lang: Lang) => void
}

function firstLang(): Lang {
  return /[?#&]lang=en\b/.test(location.search + location.hash) ? 'en' : 'vi'
}

// Read once and out of the address at once; a second run of an effect must not lose it.
const TOKEN = seatToken(location.hash)
if (TOKEN) history.replaceState(null, '', location.pathname + location.search)

type Gateway = 'connecting' | 'no_seat' | 'unreachable' | 'ready'

/** Take the seat, then show the page; ask for the link where there is none. */
export function Seated({ children }: { children: (shell: Shell) => ReactNode }) {
  const [lang, setLang] = useState<Lang>(firstLang)
  const [gateway, setGateway] = useState<Gateway>('connecting')
  const [problem, setProblem] = useState('')
  const t = MESSAGES[lang]
  const enter = useCallback(async (token: string | null) => {
    try {
      await (token ? exercise.takeSeat(token) : exercise.session())
      setGateway('ready')
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0
      setGateway(status === 0 || status >= 500 ? 'unreachable' : 'no_seat')
      setProblem(token && status !== 0 ? 'wrong' : '')
      if (status === 0 || status >= 500) setTimeout(() => void enter(token), 2_000)
    }
  }, [])
  useEffect(() => {
    applyTheme('dusk', document.documentElement)
    void enter(TOKEN)
  }, [enter])
  useEffect(() => {
    document.documentElement.lang = lang
  }, [lang])
  if (gateway === 'ready') return children({ t, lang, setLang })
  return (
    <div className="instructor-page">
      <p className="instructor-banner">{t.instructorBanner}</p>
      <Gate phase={gateway} problem={problem} t={t} takeSeat={(token) => void enter(token)}>
        <LangSwitch t={t} lang={lang} setLang={setLang} />
      </Gate>
    </div>
  )
}

/** Say a problem in words. */
export function explain(error: unknown, t: Messages): string {
  return error instanceof ApiError ? problemText(`${error.status}|${error.message}`, t.errors) : String(error)
}

/** Ask again every `ms`; keeps the last answer and says what went wrong. */
export function useAsk<T>(ask: () => Promise<T>, ms: number): { value: T | null; error: unknown; again: () => void } {
  const [value, setValue] = useState<T | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [round, setRound] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks again; `ask` is one of a few constants
  useEffect(() => {
    let live = true
    const load = () =>
      ask().then(
        (found) => {
          if (!live) return
          setValue(found)
          setError(null)
        },
        (problem) => live && setError(problem),
      )
    void load()
    const timer = setInterval(load, ms)
    return () => {
      live = false
      clearInterval(timer)
    }
  }, [ms, round])
  return { value, error, again: () => setRound((n) => n + 1) }
}
