/** What the instructor can make happen: the scenario's own palette ready to fire, and every inject with its form. */

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

export function Palette({ shell, done }: Props) {
  const { t, lang } = shell
  const { value, error } = useAsk(exercise.injects, 60_000)
  const [chosen, setChosen] = useState('')
  const [query, setQuery] = useState('')
  const list = (value?.injects ?? []).filter((inject) => matches(query, `${say(inject.title, lang)} ${inject.name}`))
  const fire = async (entry: Prepared) => {
    try {
      await exercise.inject(entry.inject, entry.params)
      done(t.injected.replace('{name}', say(entry.title, lang)))
    } catch (problem) {
      done(explain(problem, t))
    }
  }
  return (
    <section className="card palette" aria-label={t.injects} data-testid="injects">
      <div className="card-head">
        <h2>{t.injects}</h2>
        <input aria-label={t.search} placeholder={t.search} value={query} onChange={(event) => setQuery(event.target.value)} />
      </div>
      {error !== null && <p className="problem pad">{explain(error, t)}</p>}
      <div className="scroll">
        {(value?.palette.length ?? 0) > 0 && (
          <>
            <h3 className="pad">{t.palette}</h3>
            <div className="buttons pad">
              {value?.palette.map((entry) => (
                <button
                  type="button"
                  className="violet"
                  data-testid="palette-button"
                  data-inject={entry.inject}
                  key={`${entry.inject} ${JSON.stringify(entry.params)}`}
                  onClick={() => void fire(entry)}
                >
                  {say(entry.title, lang)}
                </button>
              ))}
            </div>
            <h3 className="pad">{t.allInjects}</h3>
          </>
        )}
        <ul>
          {list.map((inject) => (
            <li key={inject.name} className={chosen === inject.name ? 'open' : ''}>
              <button
                type="button"
                className="inject-name"
                aria-expanded={chosen === inject.name}
                data-inject={inject.name}
                onClick={() => setChosen(chosen === inject.name ? '' : inject.name)}
              >
                <b>{say(inject.title, lang) || inject.name}</b>
                <span className="muted">{inject.name}</span>
              </button>
              {chosen === inject.name && <InjectForm shell={shell} inject={inject} done={done} />}
            </li>
          ))}
        </ul>
      </div>
    </section>
  )
}

function InjectForm({ shell, inject, done }: Props & { readonly inject: Inject }) {
  const { t, lang } = shell
  const [values, setValues] = useState(() => defaults(inject.parameters, true))
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const fire = async () => {
    setBusy(true)
    setProblem('')
    try {
      await exercise.inject(inject.name, toParams(inject.parameters, values))
      done(t.injected.replace('{name}', say(inject.title, lang) || inject.name))
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
        parameters={inject.parameters}
        values={values}
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
