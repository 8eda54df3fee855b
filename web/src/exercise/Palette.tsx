/** What the instructor can make happen: the scenario's palette, one press away, and the whole catalogue by domain. */

import { useState } from 'react'
import { defaults, toParams } from '../actions'
import { matches } from '../fold'
import { say } from '../i18n'
import { exercise, type Inject, type Prepared } from './api'
import { Fields } from './Fields'
import { explain, type Shell, useAsk } from './shell'

interface Props {
  readonly shell: Shell
  readonly done: (text: string) => void
}

/** The order in which an instructor looks for things; what is none of these comes last. */
const DOMAINS = ['traffic', 'power', 'lighting', 'security', 'environment', 'devices']

/** Injects by domain, each domain once, in the order of `DOMAINS`. */
export function byDomain(injects: readonly Inject[]): [string, Inject[]][] {
  const groups = new Map<string, Inject[]>(DOMAINS.map((name) => [name, []]))
  for (const inject of injects) {
    const domain = inject.domain ?? 'other'
    groups.set(domain, [...(groups.get(domain) ?? []), inject])
  }
  return [...groups].filter(([, list]) => list.length > 0)
}

export function Palette({ shell, done }: Props) {
  const { t, lang } = shell
  const { value, error } = useAsk(exercise.injects, 60_000)
  const [chosen, setChosen] = useState('')
  const [query, setQuery] = useState('')
  const found = (value?.injects ?? []).filter((inject) => matches(query, `${say(inject.title, lang)} ${inject.name}`))
  const prepared = (value?.palette ?? []).filter((entry) => matches(query, `${say(entry.title, lang)} ${entry.inject}`))
  const toggle = (name: string) => setChosen(chosen === name ? '' : name)
  return (
    <section className="card palette" aria-label={t.injects} data-testid="injects">
      <div className="card-head">
        <h2>{t.injects}</h2>
        <input aria-label={t.search} placeholder={t.search} value={query} onChange={(event) => setQuery(event.target.value)} />
      </div>
      {error !== null && <p className="problem pad">{explain(error, t)}</p>}
      <div className="scroll">
        {prepared.length > 0 && (
          <>
            <h3 className="pad">{t.palette}</h3>
            <ul>
              {prepared.map((entry) => (
                <Ready
                  key={`${entry.inject} ${JSON.stringify(entry.params)} ${say(entry.title, 'en')}`}
                  shell={shell}
                  entry={entry}
                  inject={value?.injects.find((inject) => inject.name === entry.inject) ?? null}
                  done={done}
                />
              ))}
            </ul>
          </>
        )}
        {byDomain(found).map(([domain, injects]) => (
          <div key={domain} data-domain={domain}>
            <h3 className="pad domain">{(t.domains as Readonly<Record<string, string>>)[domain] ?? domain}</h3>
            <ul>
              {injects.map((inject) => (
                <li key={inject.name} className={chosen === inject.name ? 'open' : ''}>
                  <button
                    type="button"
                    className="inject-name"
                    aria-expanded={chosen === inject.name}
                    data-inject={inject.name}
                    onClick={() => toggle(inject.name)}
                  >
                    <b>{say(inject.title, lang) || inject.name}</b>
                  </button>
                  {chosen === inject.name && <InjectForm shell={shell} inject={inject} done={done} />}
                </li>
              ))}
            </ul>
          </div>
        ))}
        {value && found.length + prepared.length === 0 && <p className="empty">{t.nothingFound}</p>}
      </div>
    </section>
  )
}

/** An inject that the scenario has made ready: one press fires it, another opens its form to change where and how much. */
function Ready({ shell, entry, inject, done }: Props & { readonly entry: Prepared; readonly inject: Inject | null }) {
  const { t, lang } = shell
  const [open, setOpen] = useState(false)
  const fire = async () => {
    try {
      await exercise.inject(entry.inject, entry.params, entry.title)
      done(t.injected.replace('{name}', say(entry.title, lang)))
    } catch (problem) {
      done(explain(problem, t))
    }
  }
  const title = say(entry.title, lang)
  return (
    <li className={open ? 'open' : ''}>
      <div className="ready">
        <button
          type="button"
          className="violet"
          data-testid="palette-button"
          data-inject={entry.inject}
          title={t.inject}
          onClick={() => void fire()}
        >
          <b>{title}</b>
          <span>{entry.place || (inject && say(inject.title, lang) !== title ? say(inject.title, lang) : t.chosenBySeed)}</span>
        </button>
        {inject && inject.parameters.length > 0 && (
          <button
            type="button"
            className="quiet"
            aria-expanded={open}
            aria-label={`${t.adjust}: ${title}`}
            title={t.adjust}
            data-testid="palette-adjust"
            onClick={() => setOpen(!open)}
          >
            {open ? '▴' : '▾'}
          </button>
        )}
      </div>
      {open && inject && <InjectForm shell={shell} inject={inject} done={done} entry={entry} />}
    </li>
  )
}

function InjectForm({ shell, inject, done, entry }: Props & { readonly inject: Inject; readonly entry?: Prepared }) {
  const { t, lang } = shell
  const given = Object.fromEntries(Object.entries(entry?.params ?? {}).map(([name, value]) => [name, String(value)]))
  const [values, setValues] = useState<Record<string, string>>(() => ({ ...defaults(inject.parameters, true), ...given }))
  const [names, setNames] = useState<Record<string, string>>(() => {
    const place = inject.parameters.find((p) => p.place && given[p.name])
    return place && entry?.place ? { [given[place.name] ?? '']: entry.place } : {}
  })
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const title = entry?.title ?? inject.title
  const fire = async () => {
    setBusy(true)
    setProblem('')
    try {
      await exercise.inject(inject.name, toParams(inject.parameters, values), title)
      done(t.injected.replace('{name}', say(title, lang) || inject.name))
    } catch (error) {
      setProblem(explain(error, t))
    }
    setBusy(false)
  }
  return (
    <form
      className="inject-form"
      onSubmit={(event) => {
        event.preventDefault()
        void fire()
      }}
    >
      {inject.parameters.length === 0 && <p className="muted">{t.noParameters}</p>}
      <Fields
        lang={lang}
        t={t}
        parameters={inject.parameters}
        values={values}
        names={names}
        named={(id, name) => setNames((before) => ({ ...before, [id]: name }))}
        change={(name, value) => setValues((before) => ({ ...before, [name]: value }))}
      />
      <button type="submit" className="violet" disabled={busy} data-testid="inject-button">
        {t.inject}
      </button>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}
