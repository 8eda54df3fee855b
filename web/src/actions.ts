/** Which commands fit an incident, and at which targets: read from labels and command types. Pure. */

import type { Alert, CommandType, Incident, ParameterInfo, Place } from './wire'

export interface Target {
  readonly kind: string
  readonly id: string
  readonly name: string
}

export interface Offer {
  readonly type: CommandType
  readonly targets: readonly Target[]
}

/** Labels that name a thing which commands can aim at, and the target kinds they go by. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  road: ['road', 'link'],
  link: ['link', 'road'],
  junction: ['signal', 'junction', 'node'],
}

const LABEL_KINDS: readonly (readonly [string, readonly string[]])[] = [
  ['feeder', ['feeder']],
  ['cabinet', ['cabinet']],
  ['junction', ALIASES.junction ?? []],
  ['signal', ['signal']],
  ['road', ALIASES.road ?? []],
  ['link', ALIASES.link ?? []],
  ['zone', ['zone']],
  ['device_id', ['device']],
]

/** Everything an incident points at: its own place first, then what the labels of its alerts name. */
export function targetsOf(incident: Incident | null, alerts: readonly Alert[]): Target[] {
  const found = new Map<string, Target>()
  const add = (kind: string, id: string, name: string) => {
    if (id && !found.has(`${kind} ${id}`)) found.set(`${kind} ${id}`, { kind, id, name })
  }
  const addPlace = ({ kind, id, name }: Place) => {
    for (const alias of ALIASES[kind] ?? [kind]) add(alias, id, name)
  }
  if (incident?.place) addPlace(incident.place)
  for (const alert of alerts) {
    if (alert.place) addPlace(alert.place)
    for (const [label, kinds] of LABEL_KINDS)
      for (const kind of kinds) add(kind, alert.labels[label] ?? '', alert.labels[label] ?? '')
  }
  return [...found.values()]
}

/** Commands that can aim at one of the targets; a type without target kinds takes any place. */
export function offers(types: readonly CommandType[], targets: readonly Target[]): Offer[] {
  return types.flatMap((type) => {
    const fit = type.target_kinds.length === 0 ? targets : targets.filter((target) => type.target_kinds.includes(target.kind))
    return fit.length > 0 ? [{ type, targets: fit }] : []
  })
}

export type Values = Readonly<Record<string, string>>

/**
 * First values of a form. What has no default is needed in a command and begins at its minimum; in an inject it is optional
 * (absent: until repaired, chosen by the seed), and begins empty: a duration of one second is not what anyone means.
 */
export function defaults(parameters: readonly ParameterInfo[], optional = false): Record<string, string> {
  return Object.fromEntries(
    parameters.map((p) => [
      p.name,
      p.default !== undefined && p.default !== null
        ? String(p.default)
        : (p.choices?.[0] ?? (p.minimum != null && !optional ? String(p.minimum) : '')),
    ]),
  )
}

const isNumber = (type: string): boolean => ['number', 'integer', 'float', 'int'].includes(type)

/** Form values as JSON; empty ones are left out. */
export function toParams(parameters: readonly ParameterInfo[], values: Values): Record<string, unknown> {
  const params: Record<string, unknown> = {}
  for (const p of parameters) {
    const text = values[p.name] ?? ''
    if (text === '') continue
    params[p.name] = isNumber(p.type) ? Number(text) : p.type === 'boolean' || p.type === 'bool' ? text === 'true' : text
  }
  return params
}
