/** What a person can do about an incident: judge it, speak, send units, command devices, close it. */

import { Dialog } from '@base-ui/react/dialog'
import { useMemo, useState } from 'react'
import { offers, type Target } from '../actions'
import { choiceWord } from '../i18n/choices'
import type { Incident, IncidentState } from '../wire'
import { CommandForm, CommandLine } from './CommandForm'
import { useConsole, useOps, usePermission, useText } from './context'

const NEXT_STATES: readonly IncidentState[] = ['verified', 'responding', 'contained', 'resolved']

export function IncidentActions({ incident, targets }: { incident: Incident; targets: readonly Target[] }) {
  const { ops } = useConsole()
  const { t } = useText()
  const mayJudge = usePermission('acknowledge')
  const mayCommand = usePermission('command')
  const replay = useOps((state) => state.clock?.mode === 'REPLAY')
  const me = useOps((state) => state.session?.name ?? '')
  if (incident.state === 'closed') return <Commands incident={incident} />
  if (!mayJudge && !mayCommand)
    return (
      <>
        <p className="muted" data-testid="no-actions">
          {replay ? t.replayNoActions : t.noActions}
        </p>
        <Commands incident={incident} />
      </>
    )
  const id = incident.incident_id
  return (
    <section className="actions" aria-label={t.actions}>
      <div className="buttons">
        {incident.acknowledged_by === null ? (
          <button type="button" className="primary" data-testid="ack-button" onClick={() => ops.judge(id, 'acknowledge')}>
            {t.acknowledge} <kbd>a</kbd>
          </button>
        ) : (
          <span className="chip done" data-testid="acknowledged">
            ✓ {t.acknowledged.replace('{who}', incident.acknowledged_by)}
          </span>
        )}
        {incident.owner !== me && (
          <button type="button" onClick={() => ops.judge(id, 'assign', { owner: me })}>
            {t.takeOver}
          </button>
        )}
        <label className="inline">
          <span className="visually-hidden">{t.setState}</span>
          <select
            value=""
            onChange={(event) => void ops.judge(id, 'state', { state: event.target.value, version: incident.version })}
            aria-label={t.setState}
          >
            <option value="" disabled>
              {t.setState}…
            </option>
            {NEXT_STATES.filter((state) => state !== incident.state).map((state) => (
              <option key={state} value={state}>
                {t.incidentState[state]}
              </option>
            ))}
          </select>
        </label>
        <CloseDialog incident={incident} />
      </div>
      {mayCommand && <WorldActions incident={incident} targets={targets} />}
      <Commands incident={incident} />
      {mayJudge && <CommentForm incident={id} />}
    </section>
  )
}

/** Dispatch as two buttons, because it is pressed in a hurry; everything else as forms. */
function WorldActions({ incident, targets }: { incident: Incident; targets: readonly Target[] }) {
  const { ops } = useConsole()
  const { t, lang } = useText()
  const types = useOps((state) => state.commandTypes)
  const offered = useMemo(() => offers(types, targets), [types, targets])
  const dispatch = offered.find((offer) => offer.type.type === 'dispatch')
  const place = dispatch?.targets[0]
  const unit = dispatch?.type.parameters.find((p) => p.name === 'unit')
  const units = unit?.choices ?? []
  return (
    <>
      {place && (
        <div className="buttons">
          {units.map((choice) => (
            <button
              key={choice}
              type="button"
              className="strong"
              data-testid="dispatch-button"
              data-unit={choice}
              onClick={() => ops.command('dispatch', { kind: place.kind, id: place.id }, { unit: choice }, incident)}
            >
              {t.dispatchUnit[choice] ?? `${t.dispatch}: ${choiceWord(choice, lang)}`}
            </button>
          ))}
        </div>
      )}
      {offered.some((offer) => offer !== dispatch) && (
        <details className="fold" open>
          <summary>{t.moreActions}</summary>
          {offered
            .filter((offer) => offer !== dispatch)
            .map((offer) => (
              <CommandForm key={offer.type.type} offer={offer} incident={incident} />
            ))}
        </details>
      )}
    </>
  )
}

function Commands({ incident }: { incident: Incident }) {
  const { t } = useText()
  const commands = useOps((state) => state.commands)
  const mine = [...commands.values()].filter((command) => command.incident_id === incident.incident_id)
  if (mine.length === 0) return null
  return (
    <section>
      <h3>{t.commands}</h3>
      <ul className="commands">
        {mine.reverse().map((command) => (
          <CommandLine key={command.command_id} command={command} />
        ))}
      </ul>
    </section>
  )
}

function CommentForm({ incident }: { incident: string }) {
  const { ops } = useConsole()
  const { t } = useText()
  const [text, setText] = useState('')
  return (
    <form
      className="comment"
      onSubmit={async (event) => {
        event.preventDefault()
        if (text.trim() !== '' && (await ops.judge(incident, 'comment', { text: text.trim() }))) setText('')
      }}
    >
      <input
        aria-label={t.comment}
        placeholder={t.commentPlaceholder}
        value={text}
        maxLength={1000}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" disabled={text.trim() === ''}>
        {t.send}
      </button>
    </form>
  )
}

function CloseDialog({ incident }: { incident: Incident }) {
  const { ops } = useConsole()
  const { t } = useText()
  const [open, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const [classification, setClassification] = useState<'true' | 'false' | 'test'>('true')
  const close = async () => {
    if (await ops.judge(incident.incident_id, 'close', { reason: reason.trim(), classification })) setOpen(false)
  }
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger>{t.closeIncident}…</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog card">
          <Dialog.Title>{t.closeIncident}</Dialog.Title>
          <form
            onSubmit={(event) => {
              event.preventDefault()
              void close()
            }}
          >
            <fieldset className="choices">
              <legend>{t.classification}</legend>
              {(['true', 'false', 'test'] as const).map((choice) => (
                <label key={choice}>
                  <input
                    type="radio"
                    name="classification"
                    checked={classification === choice}
                    onChange={() => setClassification(choice)}
                  />
                  {t.classifications[choice]}
                </label>
              ))}
            </fieldset>
            <label className="field">
              <span>{t.reason}</span>
              <input value={reason} required maxLength={500} onChange={(event) => setReason(event.target.value)} />
            </label>
            <div className="buttons end">
              <Dialog.Close>{t.cancel}</Dialog.Close>
              <button type="submit" className="primary">
                {t.closeIncident}
              </button>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
