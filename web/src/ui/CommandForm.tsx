/** A command as a form, made from its description; and how far commands have come. */

import { useId, useState } from 'react'
import { defaults, type Offer, toParams } from '../actions'
import { clockAt } from '../format'
import { say } from '../i18n'
import { choiceWord } from '../i18n/choices'
import type { Command, Incident, ParameterInfo } from '../wire'
import { useConsole, useOps, useText } from './context'

interface FieldsProps {
  readonly parameters: readonly ParameterInfo[]
  readonly values: Readonly<Record<string, string>>
  readonly change: (name: string, value: string) => void
}

/** Inputs for parameters: a choice, a number with its unit and limits, or a text. */
export function ParameterFields({ parameters, values, change }: FieldsProps) {
  const { lang } = useText()
  return parameters.map((p) => {
    const title = say(p.title, lang) || p.name
    const numeric = p.type === 'number' || p.type === 'integer' || p.type === 'float' || p.type === 'int'
    return (
      <label key={p.name} className="field" title={p.help}>
        <span>
          {title}
          {p.unit ? ` (${p.unit})` : ''}
        </span>
        {p.choices && p.choices.length > 0 ? (
          <select value={values[p.name] ?? ''} onChange={(event) => change(p.name, event.target.value)}>
            {p.choices.map((choice) => (
              <option key={choice} value={choice}>
                {choiceWord(choice, lang)}
              </option>
            ))}
          </select>
        ) : (
          <input
            type={numeric ? 'number' : 'text'}
            step="any"
            min={p.minimum ?? undefined}
            max={p.maximum ?? undefined}
            value={values[p.name] ?? ''}
            onChange={(event) => change(p.name, event.target.value)}
          />
        )}
      </label>
    )
  })
}

export function CommandForm({ offer, incident }: { offer: Offer; incident: Incident | null }) {
  const { ops } = useConsole()
  const { t, lang } = useText()
  const { type, targets } = offer
  const [at, setAt] = useState(0)
  const [values, setValues] = useState(() => defaults(type.parameters))
  const [busy, setBusy] = useState(false)
  const id = useId()
  const target = targets[Math.min(at, targets.length - 1)]
  if (!target) return null
  const send = async () => {
    setBusy(true)
    await ops.command(type.type, { kind: target.kind, id: target.id }, toParams(type.parameters, values), incident)
    setBusy(false)
  }
  return (
    <form
      className="command-form"
      aria-labelledby={id}
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <b id={id}>{say(type.title, lang) || type.type}</b>
      <div className="fields">
        {targets.length > 1 ? (
          <label className="field">
            <span>{t.place}</span>
            <select value={at} onChange={(event) => setAt(Number(event.target.value))}>
              {targets.map((option, index) => (
                <option key={`${option.kind} ${option.id}`} value={index}>
                  {option.name || option.id}
                </option>
              ))}
            </select>
          </label>
        ) : (
          <span className="muted target">{target.name || target.id}</span>
        )}
        <ParameterFields
          parameters={type.parameters}
          values={values}
          change={(name, value) => setValues((before) => ({ ...before, [name]: value }))}
        />
        <button type="submit" disabled={busy} data-command={type.type}>
          {t.run}
        </button>
      </div>
    </form>
  )
}

const STEPS = ['requested', 'accepted', 'done'] as const

/** A command's way as three steps; a failure stands in the last, with its reason. */
export function CommandLine({ command }: { command: Command }) {
  const { t, lang } = useText()
  const types = useOps((state) => state.commandTypes)
  const startAt = useOps((state) => state.city?.start_at ?? '')
  const title = say(types.find((type) => type.type === command.type)?.title, lang) || command.type
  const reached = command.state === 'failed' ? 2 : STEPS.indexOf(command.state)
  const unit = typeof command.params.unit === 'string' ? ` (${choiceWord(command.params.unit, lang)})` : ''
  return (
    <li
      className={`command command-${command.state}`}
      data-testid="command-state"
      data-state={command.state}
      data-type={command.type}
    >
      <span className="command-title">
        <b>{title + unit}</b> <span className="muted">{command.target.id}</span>
        <time className="muted num">{clockAt(startAt, command.requested_ms)}</time>
      </span>
      <span className="steps">
        {STEPS.map((step, index) => (
          <span key={step} className={index <= reached ? 'step reached' : 'step'}>
            {t.commandState[step === 'done' && command.state === 'failed' ? 'failed' : step]}
          </span>
        ))}
      </span>
      {command.reason && <span className="reason">{command.reason}</span>}
    </li>
  )
}
