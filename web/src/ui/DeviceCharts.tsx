/** Charts of one device, whatever its kind: drawn from its metadata, fed by the center's readings. */

import { useEffect, useState } from 'react'
import { api } from '../api'
import { say } from '../i18n'
import type { Readings } from '../wire'
import { Chart } from './Chart'
import { useConsole, useSignal, useText } from './context'

const REFRESH_MS = 4_000
const EMPTY: Readings = { t_ms: [], quantities: {} }

export function useReadings(device: number, minutes: number): Readings {
  const [readings, set] = useState<Readings>(EMPTY)
  useEffect(() => {
    let live = true
    const load = () =>
      api.readings(device, minutes).then(
        (found) => live && set(found),
        () => undefined,
      )
    set(EMPTY)
    void load()
    const timer = setInterval(load, REFRESH_MS)
    return () => {
      live = false
      clearInterval(timer)
    }
  }, [device, minutes])
  return readings
}

interface Props {
  readonly device: number
  readonly minutes?: number
  /** How many quantities to draw; all without it. */
  readonly most?: number
  readonly marks?: readonly { readonly from: number; readonly color: string }[]
}

export function DeviceCharts({ device, minutes = 60, most, marks }: Props) {
  const { ops } = useConsole()
  const { lang } = useText()
  const readings = useReadings(device, minutes)
  useSignal(ops.values.changed)
  const live = ops.values.of(device)
  const quantities = ops.devices.kindOf(device)?.quantities ?? []
  return (
    <div className="charts">
      {quantities.slice(0, most).map((quantity, index) => (
        <Chart
          key={quantity.name}
          title={say(quantity.title, lang) || quantity.name}
          unit={quantity.unit}
          t_ms={readings.t_ms}
          values={readings.quantities[quantity.name] ?? []}
          live={live?.[index]}
          minimum={quantity.minimum}
          maximum={quantity.maximum}
          marks={marks}
        />
      ))}
    </div>
  )
}
