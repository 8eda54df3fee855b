/** The map for views outside it: a ref that is empty while there is no map. */

import { createContext, type RefObject, useContext } from 'react'
import type { MapView } from '../map/view'

export const MapHandle = createContext<RefObject<MapView | null>>({ current: null })

export const useMapHandle = () => useContext(MapHandle)

/** How near to fly: what spreads over the city is seen from farther away. */
export function zoomFor(placeKind: string | undefined): number {
  return placeKind === 'feeder' || placeKind === 'zone' || placeKind === 'substation' || placeKind === 'ward' ? 13.4 : 15
}
