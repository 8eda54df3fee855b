/** One quantity over time with uPlot; its colours come from the theme, its clock is the city's. */

import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { clockAt, number } from '../format'
import { THEMES } from '../theme/tokens'
import { useOps, useText, useUi } from './context'

export interface ChartProps {
  readonly title: string
  readonly unit: string
  readonly t_ms: readonly number[]
  readonly values: readonly (number | null)[]
  readonly live?: number | undefined
  readonly minimum?: number | null | undefined
  readonly maximum?: number | null | undefined
  readonly marks?: readonly { readonly from: number; readonly color: string }[]
}

const HEIGHT = 92

export function Chart({ title, unit, t_ms, values, live, minimum, maximum, marks = [] }: ChartProps) {
  const { lang } = useText()
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const theme = THEMES[useUi((state) => state.theme)]
  const startAt = useOps((state) => state.city?.start_at ?? '')
  const marksNow = useRef(marks)
  marksNow.current = marks

  useEffect(() => {
    const host = box.current
    if (!host) return
    const axis = { stroke: theme.muted, grid: { stroke: theme.line, width: 1 }, ticks: { show: false }, font: '11px Inter' }
    const width = () => Math.max(120, host.clientWidth)
    const drawMarks = (u: uPlot) => {
      for (const mark of marksNow.current) {
        const x = u.valToPos(mark.from, 'x', true)
        if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue
        u.ctx.fillStyle = mark.color
        u.ctx.fillRect(x, u.bbox.top, 2, u.bbox.height)
      }
    }
    const made = new uPlot(
      {
        width: width(),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { x: { time: false } },
        axes: [
          { ...axis, size: 22, space: 70, values: (_, ticks) => ticks.map((ms) => clockAt(startAt, ms).slice(0, 5)) },
          { ...axis, size: 46, space: 26, values: (_, ticks) => ticks.map((v) => number(v, lang)) },
        ],
        series: [{}, { stroke: theme.accent, width: 1.5, fill: `${theme.accent}1e`, points: { show: false }, spanGaps: false }],
        hooks: { draw: [drawMarks] },
      },
      [[], []],
      host,
    )
    plot.current = made
    const resize = new ResizeObserver(() => made.setSize({ width: width(), height: HEIGHT }))
    resize.observe(host)
    return () => {
      resize.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [theme, startAt, lang])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot made anew by theme or language needs its data again
  useEffect(() => {
    plot.current?.setData([[...t_ms], [...values]] as uPlot.AlignedData)
  }, [t_ms, values, theme, startAt, lang])

  const last = live !== undefined && Number.isFinite(live) ? live : [...values].reverse().find((v) => v !== null)
  const { t } = useText()
  const band =
    minimum != null && maximum != null
      ? t.band.replace('{min}', number(minimum, lang)).replace('{max}', number(maximum, lang))
      : ''
  return (
    <figure className="chart" data-testid="chart">
      <figcaption>
        <span>{title}</span>
        <span className="muted band">{band}</span>
        <b className="num">
          {number(last, lang)} <small>{unit}</small>
        </b>
      </figcaption>
      {values.length === 0 && <p className="muted">{t.noReadings}</p>}
      <div ref={box} hidden={values.length === 0} />
    </figure>
  )
}
