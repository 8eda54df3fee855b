/** Entry of the rule lab at the exercise: judgement read through the exercise's window, the truth laid behind it in the page. */

import { useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import '../styles/fonts.css'
import '../styles/base.css'
import '../styles/desk.css'
import '../styles/panel.css'
import '../styles/exercise.css'
import '../styles/lab.css'
import '../styles/results.css'
import { request } from '../api'
import { LabApi } from '../lab/api'
import { LabHeader } from '../lab/Header'
import { Lab } from '../lab/Lab'
import type { TruthBand } from '../lab/RangeChart'
import { LAB } from '../lab/texts'
import { applyTheme, type ThemeName } from '../theme/tokens'
import type { CityInfo, Clock } from '../wire'
import { exercise } from './api'
import { explain, Seated, type Shell, useAsk } from './shell'
import { isOrdinary, truthTitle } from './Truth'

const labApi = new LabApi('/exercise/api/center')
const SHELF = {
  list: () => request<readonly string[]>('GET', '/exercise/api/documents'),
  get: (name: string) => request<unknown>('GET', `/exercise/api/documents/${encodeURIComponent(name)}`),
}

function Page(shell: Shell) {
  const { t, lang, setLang } = shell
  const lt = LAB[lang]
  const [theme, setTheme] = useState<ThemeName>('dusk')
  const [shown, setShown] = useState(true)
  const [ordinary, setOrdinary] = useState(false)
  const city = useAsk<CityInfo | null>(labApi.city, 60_000)
  const overview = useAsk(labApi.overview, 1_000)
  const truth = useAsk(exercise.truth, 3_000)
  const clock: Clock | null = overview.error === null ? (overview.value?.clock ?? null) : null
  const now = Math.floor((clock?.now_ms ?? 0) / 15_000) * 15_000 + 15_000
  useEffect(() => applyTheme(theme, document.documentElement), [theme])
  const events = truth.value?.events
  const bands = useMemo<TruthBand[]>(() => {
    if (!shown) return []
    return (events ?? [])
      .filter((event) => ordinary || !isOrdinary(event))
      .map((event) => ({
        id: event.event_id,
        from: event.start_ms,
        to: event.end_ms ?? now,
        title: `${truthTitle(event, { lang })}, ${event.place.name || event.place.id}`,
      }))
  }, [events, shown, ordinary, lang, now])
  const toggles = (
    <span className="truth-switch">
      <label className="check">
        <input type="checkbox" checked={shown} onChange={(change) => setShown(change.target.checked)} /> {lt.showTruth}
      </label>
      <label className="check">
        <input type="checkbox" checked={ordinary} onChange={(change) => setOrdinary(change.target.checked)} /> {lt.ordinaryTruth}
      </label>
    </span>
  )
  return (
    <div className="instructor-page">
      <p className="instructor-banner" data-testid="instructor-banner">
        {t.instructorBanner}
      </p>
      <LabHeader
        {...{ t, lang, setLang, theme, setTheme, clock }}
        city={city.value}
        back="/exercise/"
        backText={t.instructorPage}
      />
      {city.error !== null && (
        <p className="note" role="alert">
          {explain(city.error, t)}
        </p>
      )}
      {city.value && (
        <Lab
          api={labApi}
          startAt={city.value.start_at}
          t={t}
          lang={lang}
          themeName={theme}
          truth={bands}
          truthSwitch={toggles}
          shelf={SHELF}
        />
      )}
    </div>
  )
}

createRoot(document.getElementById('root') as HTMLElement).render(<Seated>{(shell) => <Page {...shell} />}</Seated>)
