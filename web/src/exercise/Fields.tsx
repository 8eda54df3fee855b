/** Inputs of an inject's parameters: places by name, numbers within their bounds, choices. */

import { type Lang, type Messages, say } from '../i18n'
import { choiceWord } from '../i18n/choices'
import type { InjectParameter } from './api'
import { PlacePicker } from './PlacePicker'

interface Props {
  readonly parameters: readonly InjectParameter[]
  readonly values: Readonly<Record<string, string>>
  readonly change: (name: string, value: string) => void
  readonly names: Readonly<Record<string, string>>
  readonly named: (id: string, name: string) => void
  readonly lang: Lang
  readonly t: Messages
}

export function Fields({ parameters, values, change, names, named, lang, t }: Props) {
  return (
    <div className="fields">
      {parameters.map((p) => {
        const title = say(p.title, lang) || p.name
        const value = values[p.name] ?? ''
        return (
          <div key={p.name} className="field">
            <span aria-hidden="true">
              {title}
              {p.unit ? ` (${p.unit})` : ''}
            </span>
            {p.place ? (
              <PlacePicker
                kind={p.type}
                value={value}
                name={names[value] ?? ''}
                label={title}
                t={t}
                choose={(place) => {
                  if (place) named(place.id, place.name)
                  change(p.name, place?.id ?? '')
                }}
              />
            ) : p.choices && p.choices.length > 0 ? (
              <select aria-label={title} value={value} onChange={(event) => change(p.name, event.target.value)}>
                {p.choices.map((choice) => (
                  <option key={choice} value={choice}>
                    {choiceWord(choice, lang)}
                  </option>
                ))}
              </select>
            ) : (
              <input
                type={/number|int|float/.test(p.type) ? 'number' : 'text'}
                aria-label={title}
                step={p.type === 'integer' ? 1 : 'any'}
                min={p.minimum ?? undefined}
                max={p.maximum ?? undefined}
                placeholder={p.default == null ? t.none : undefined}
                value={value}
                onChange={(event) => change(p.name, event.target.value)}
              />
            )}
            {p.help && <small className="muted">{p.help}</small>}
          </div>
        )
      })}
    </div>
  )
}
