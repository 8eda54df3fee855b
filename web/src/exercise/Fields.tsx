/** Inputs of an inject's parameters. */

import { type Lang, say } from '../i18n'
import type { InjectParameter } from './api'

interface Props {
  readonly parameters: readonly InjectParameter[]
  readonly values: Readonly<Record<string, string>>
  readonly change: (name: string, value: string) => void
  readonly lang: Lang
}

export function Fields({ parameters, values, change, lang }: Props) {
  return (
    <div className="fields">
      {parameters.map((p) => (
        <label key={p.name} className="field">
          <span>
            {say(p.title, lang) || p.name}
            {p.unit ? ` (${p.unit})` : ''}
          </span>
          {p.choices && p.choices.length > 0 ? (
            <select value={values[p.name] ?? ''} onChange={(event) => change(p.name, event.target.value)}>
              {p.choices.map((choice) => (
                <option key={choice}>{choice}</option>
              ))}
            </select>
          ) : (
            <input
              type={/number|int|float/.test(p.type) ? 'number' : 'text'}
              step="any"
              min={p.minimum ?? undefined}
              max={p.maximum ?? undefined}
              value={values[p.name] ?? ''}
              onChange={(event) => change(p.name, event.target.value)}
            />
          )}
          {p.help && <small className="muted">{p.help}</small>}
        </label>
      ))}
    </div>
  )
}
