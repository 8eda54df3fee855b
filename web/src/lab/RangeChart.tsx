/** Lines of an expression over a range with uPlot: its threshold, the firing bands, and behind all what was true, if it is known. */

import { useEffect, useMemo, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { clockAt, number } from '../format'
import type { Lang } from '../i18n'
import { THEMES, type ThemeName } from '../theme/tokens'
import type { Band, Line } from './bands'

/** An interval in which something was really so. */
export interface TruthBand {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly title: string
}

interface Props {
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly chosen: string | null
  readonly firingKeys: ReadonlySet<string>
  readonly threshold: number | null
  readonly firing: readonly Band[]
  readonly pending: readonly Band[]
  readonly truth: readonly TruthBand[]
  readonly at: number
  readonly startAt: string
  readonly lang: Lang
  readonly themeName: ThemeName
  readonly label: string
  readonly onPick: (ms: number) => void
}

/** Room for the axis of values; the lanes below keep the same, so that instants lie under each other. */
export const AXIS = 58
const HEIGHT = 260
/** Steps of the axis of time, so that it says whole minutes. */
const MINUTES = [1, 2, 5, 10, 15, 30, 60].map((n) => n * 60_000)

export function RangeChart(props: Props) {
  const { times, lines, startAt, lang, themeName, label } = props
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const now = useRef(props)
  now.current = props
  const shape = lines.map((line) => line.key).join('\n')
  const data = useMemo(() => [[...times], ...lines.map((line) => [...line.values])] as uPlot.AlignedData, [times, lines])

  // biome-ignore lint/correctness/useExhaustiveDependencies: made anew when its lines, words or colours change; data comes below
  useEffect(() => {
    const box = host.current
    if (!box) return
    const theme = THEMES[themeName]
    const axis = { stroke: theme.muted, grid: { stroke: theme.line, width: 1 }, ticks: { show: false }, font: '11.5px Inter' }
    const width = () => Math.max(240, box.clientWidth)
    const colour = (key: string) =>
      key === now.current.chosen ? theme.text : now.current.firingKeys.has(key) ? theme.critical : theme.normal
    const made = new uPlot(
      {
        width: width(),
        height: HEIGHT,
        padding: [10, 12, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: { x: { time: false }, y: { range: (_u, low, high) => span(low, high, now.current.threshold) } },
        axes: [
          {
            ...axis,
            size: 24,
            space: 90,
            incrs: MINUTES,
            values: (_u, ticks) => ticks.map((ms) => clockAt(startAt, ms).slice(0, 5)),
          },
          { ...axis, size: AXIS, space: 34, values: (_u, ticks) => ticks.map((value) => number(value, lang)) },
        ],
        series: [
          {},
          ...lines.map(({ key }) => ({
            stroke: () => colour(key),
            width: key === now.current.chosen ? 2.5 : 1.4,
            points: { show: false },
            spanGaps: false,
          })),
        ],
        hooks: {
          drawClear: [(u: uPlot) => drawBehind(u, now.current, theme)],
          draw: [(u: uPlot) => drawBefore(u, now.current, theme)],
          ready: [(u: uPlot) => u.over.addEventListener('click', () => pick(u, now.current.onPick))],
        },
      },
      data,
      box,
    )
    plot.current = made
    const resize = new ResizeObserver(() => made.setSize({ width: width(), height: HEIGHT }))
    resize.observe(box)
    return () => {
      resize.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [shape, themeName, startAt, lang, props.chosen])

  useEffect(() => plot.current?.setData(data), [data])
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn around the lines is read when it is drawn
  useEffect(() => plot.current?.redraw(false), [props.at, props.truth, props.firing, props.pending, props.threshold])

  return <div className="lab-chart" ref={host} role="img" aria-label={label} data-testid="lab-chart" />
}

function span(low: number | null, high: number | null, threshold: number | null): [number, number] {
  const known = [low, high, threshold].filter((value): value is number => value !== null && Number.isFinite(value))
  if (known.length === 0) return [0, 1]
  const [least, most] = [Math.min(...known), Math.max(...known)]
  const room = most === least ? Math.max(1, Math.abs(most) / 10) : (most - least) * 0.08
  return [least >= 0 && least - room < 0 ? 0 : least - room, most + room]
}

function pick(u: uPlot, onPick: (ms: number) => void): void {
  const left = u.cursor.left
  if (left !== undefined && left >= 0) onPick(u.posToVal(left, 'x'))
}

function fill(u: uPlot, from: number, to: number, colour: string, top: number, height: number): void {
  const left = Math.max(u.bbox.left, u.valToPos(from, 'x', true))
  const right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(to, 'x', true))
  if (right <= left) return
  u.ctx.fillStyle = colour
  u.ctx.fillRect(left, top, Math.max(right - left, 1), height)
}

/** Truth first, over the whole height with a strip on top; then when alerts waited and fired, from the floor up. */
function drawBehind(u: uPlot, { truth, firing, pending }: Props, theme: (typeof THEMES)[ThemeName]): void {
  const { top, height } = u.bbox
  for (const band of truth) {
    fill(u, band.from, band.to, `${theme.exercise}26`, top, height)
    fill(u, band.from, band.to, theme.exercise, top, 4 * devicePixelRatio)
  }
  const foot = top + height
  for (const band of pending) fill(u, band.from, band.to, `${theme.minor}2e`, top + height * 0.2, height * 0.8)
  for (const band of firing) fill(u, band.from, band.to, `${theme.critical}38`, top + height * 0.2, height * 0.8)
  for (const band of firing) fill(u, band.from, band.to, theme.critical, foot - 4 * devicePixelRatio, 4 * devicePixelRatio)
}

/** The threshold, and the instant that is asked about. */
function drawBefore(u: uPlot, { threshold, at }: Props, theme: (typeof THEMES)[ThemeName]): void {
  const { left, top, width, height } = u.bbox
  const { ctx } = u
  ctx.save()
  if (threshold !== null) {
    const y = u.valToPos(threshold, 'y', true)
    ctx.strokeStyle = theme.major
    ctx.lineWidth = 1.5 * devicePixelRatio
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(left, y)
    ctx.lineTo(left + width, y)
    ctx.stroke()
    ctx.setLineDash([])
  }
  const x = u.valToPos(at, 'x', true)
  if (x >= left && x <= left + width) {
    ctx.fillStyle = theme.focus
    ctx.fillRect(x - devicePixelRatio, top, 2 * devicePixelRatio, height)
  }
  ctx.restore()
}
