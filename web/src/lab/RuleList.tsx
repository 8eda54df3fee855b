/** The alert rules in use, to choose from: how many alerts of each wait and fire. */

import { useState } from 'react'
import { matches } from '../fold'
import { fill } from '../format'
import type { RuleRow } from './api'
import type { LabTexts } from './texts'

interface Props {
  readonly rules: readonly RuleRow[] | null
  readonly chosen: string | null
  readonly lt: LabTexts
  readonly choose: (rule: RuleRow | null) => void
}

export function RuleList({ rules, chosen, lt, choose }: Props) {
  const [wanted, setWanted] = useState('')
  const shown = (rules ?? []).filter((rule) => matches(wanted, `${rule.name} ${rule.group}`))
  return (
    <nav className="card lab-rules" aria-label={lt.rules} data-testid="lab-rules">
      <div className="card-head">
        <h2>{lt.rules}</h2>
      </div>
      <input
        type="search"
        aria-label={lt.filter}
        placeholder={lt.filter}
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <button type="button" className="rule own" aria-pressed={chosen === null} onClick={() => choose(null)}>
        {lt.ownExpression}
      </button>
      {rules !== null && shown.length === 0 && <p className="muted pad">{rules.length === 0 ? lt.noRules : lt.noSuchRule}</p>}
      <ul>
        {shown.map((rule) => (
          <li key={`${rule.group}/${rule.name}/${rule.query}`}>
            <button
              type="button"
              className="rule"
              aria-pressed={chosen === rule.name}
              data-rule={rule.name}
              onClick={() => choose(rule)}
            >
              <span>{rule.name}</span>
              <small className="muted">{rule.group}</small>
              {rule.firing > 0 && <span className="count count-firing">{fill(`{n} ${lt.firing}`, { n: rule.firing })}</span>}
              {rule.firing === 0 && rule.pending > 0 && (
                <span className="count">{fill(`{n} ${lt.pending}`, { n: rule.pending })}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  )
}
