/** The thematic layers: which devices each emphasises, and whether roads show speed. One at a time. Pure. */

import type { KindInfo } from '../wire'

export type LayerId = 1 | 2 | 3 | 4 | 5
export type Family = 'traffic' | 'lighting' | 'power' | 'security' | 'other'

export interface MapLayer {
  readonly id: LayerId
  readonly roads: boolean
  readonly lamps: number
  readonly health: boolean
  /** How strongly a family's dots are drawn, 0-1. */
  readonly weight: Readonly<Record<Family, number>>
}

const all = (weight: number) => ({ traffic: weight, lighting: weight, power: weight, security: weight, other: weight })

export const MAP_LAYERS: readonly MapLayer[] = [
  { id: 1, roads: true, lamps: 1, health: false, weight: { ...all(0.35), other: 0.8 } },
  { id: 2, roads: true, lamps: 0.12, health: false, weight: { ...all(0), traffic: 1 } },
  { id: 3, roads: false, lamps: 1, health: false, weight: { ...all(0), lighting: 1, power: 1 } },
  { id: 4, roads: false, lamps: 0.3, health: false, weight: { ...all(0), security: 1, other: 1 } },
  { id: 5, roads: false, lamps: 0, health: true, weight: all(1) },
]

export const layerOf = (id: number): MapLayer => MAP_LAYERS.find((layer) => layer.id === id) ?? (MAP_LAYERS[0] as MapLayer)

const FAMILIES: readonly (readonly [RegExp, Family])[] = [
  [/loop|signal|traffic|vehicle|radar/i, 'traffic'],
  [/feeder|cabinet|meter|power|transformer/i, 'power'],
  [/lumin|lamp|photocell|light/i, 'lighting'],
  [/camera|door|sos|intru|access|alarm/i, 'security'],
]

/** The family of a kind, by its name; an unknown kind is `other` and shown in the general layers. */
export function familyOf(kind: KindInfo): Family {
  return FAMILIES.find(([pattern]) => pattern.test(kind.name))?.[1] ?? 'other'
}
