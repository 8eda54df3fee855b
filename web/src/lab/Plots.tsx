/** Plots of results as SVG: points with their front, curves, figures with their intervals. No mark is told by colour alone. */

import { number } from '../format'
import type { Lang } from '../i18n'
import { type Curve, type Figure, type Mark, type Spot, ticksOf } from './documents'

const W = 640
const H = 300
const LEFT = 56
const BOTTOM = 44
const TOP = 12

interface PlaneProps {
  readonly right: number
  readonly xLabel: string
  readonly yLabel: string
  readonly lang: Lang
  readonly label: string
  readonly children: (x: (value: number) => number, y: (value: number) => number) => React.ReactNode
}

function Plane({ right, xLabel, yLabel, lang, label, children }: PlaneProps) {
  const top = right * 1.04 || 1
  const x = (value: number) => LEFT + ((W - LEFT - 12) * value) / top
  const y = (value: number) => H - BOTTOM - (H - BOTTOM - TOP) * value
  return (
    <svg className="lab-plot" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={label}>
      {[0, 0.25, 0.5, 0.75, 1].map((share) => (
        <g key={share}>
          <line className="plot-grid" x1={LEFT} x2={W - 12} y1={y(share)} y2={y(share)} />
          <text x={LEFT - 8} y={y(share) + 4} textAnchor="end">
            {`${number(100 * share, lang)} %`}
          </text>
        </g>
      ))}
      {ticksOf(top).map((value) => (
        <text key={value} x={x(value)} y={H - BOTTOM + 18} textAnchor="middle">
          {number(value, lang)}
        </text>
      ))}
      <text x={(LEFT + W) / 2} y={H - 6} textAnchor="middle">
        {xLabel}
      </text>
      <text transform={`translate(12 ${(H - BOTTOM) / 2}) rotate(-90)`} textAnchor="middle">
        {yLabel}
      </text>
      {children(x, y)}
    </svg>
  )
}

function Shape({ mark, x, y, title }: { mark: Mark; x: number; y: number; title: string }) {
  const about = <title>{title}</title>
  if (mark === 'now')
    return (
      <path className="mark-now" d={`M${x - 5},${y - 5}l10,10m0,-10l-10,10`}>
        {about}
      </path>
    )
  if (mark === 'best')
    return (
      <path className="mark-best" d={`M${x},${y - 7}l7,7l-7,7l-7,-7z`}>
        {about}
      </path>
    )
  return (
    <circle className={`mark-${mark}`} cx={x} cy={y} r={mark === 'front' ? 4 : 2.5}>
      {about}
    </circle>
  )
}

export function MarkKey({ mark }: { mark: Mark }) {
  return (
    <svg className="mark-key" viewBox="0 0 18 16" aria-hidden="true">
      <Shape mark={mark} x={9} y={8} title="" />
    </svg>
  )
}

interface FrontProps {
  readonly spots: readonly Spot[]
  readonly budget: number
  readonly xLabel: string
  readonly yLabel: string
  readonly lang: Lang
  readonly label: string
}

/** Configurations by load and recall; the front as steps; the budget as a dashed upright line. */
export function FrontPlot({ spots, budget, xLabel, yLabel, lang, label }: FrontProps) {
  const right = Math.max(1e-9, ...spots.map((spot) => spot.x))
  const front = spots.filter((spot) => spot.configuration.pareto).sort((a, b) => a.x - b.x)
  return (
    <Plane {...{ right, xLabel, yLabel, lang, label }}>
      {(x, y) => (
        <>
          {budget <= right && <line className="plot-budget" x1={x(budget)} x2={x(budget)} y1={TOP} y2={H - BOTTOM} />}
          <path
            className="plot-front"
            d={front.map((spot, i) => (i === 0 ? `M${x(spot.x)},${y(spot.y)}` : `H${x(spot.x)}V${y(spot.y)}`)).join('')}
          />
          {spots.map((spot) => (
            <Shape
              key={spot.configuration.number}
              mark={spot.mark}
              x={x(spot.x)}
              y={y(spot.y)}
              title={`${spot.configuration.label}: ${number(100 * spot.y, lang)} %, ${number(spot.x, lang)}/h`}
            />
          ))}
        </>
      )}
    </Plane>
  )
}

const LINES = ['info', 'major', 'minor', 'text', 'info-dashed', 'major-dashed', 'minor-dashed', 'text-dashed']
export const MOST_CURVES = LINES.length

interface CurvesProps {
  readonly curves: readonly Curve[]
  readonly xLabel: string
  readonly yLabel: string
  readonly lang: Lang
  readonly label: string
}

/** Recall against false alarms as a threshold moves, a line for each setting of the rest. */
export function CurvesPlot({ curves, xLabel, yLabel, lang, label }: CurvesProps) {
  const right = Math.max(1e-9, ...curves.flatMap((curve) => curve.points.map(([x]) => x)))
  return (
    <>
      <Plane {...{ right, xLabel, yLabel, lang, label }}>
        {(x, y) =>
          curves.map((curve, i) => (
            <g key={curve.label} className={`line-${LINES[i % LINES.length]}`}>
              <path d={`M${curve.points.map(([px, py]) => `${x(px)},${y(py)}`).join('L')}`}>
                <title>{curve.label}</title>
              </path>
              {curve.points.map(([px, py], n) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: points of a curve never move among each other
                <circle key={n} cx={x(px)} cy={y(py)} r={2.5} />
              ))}
            </g>
          ))
        }
      </Plane>
      <ul className="plot-keys">
        {curves.map((curve, i) => (
          <li key={curve.label}>
            <svg viewBox="0 0 30 10" className={`line-key line-${LINES[i % LINES.length]}`} aria-hidden="true">
              <path d="M0,5H30" />
            </svg>
            <span className="code">{curve.label}</span>
          </li>
        ))}
      </ul>
    </>
  )
}

export interface DotRow {
  readonly label: string
  readonly figure: Figure
}

/** Figures below each other with their intervals, on one axis from 0. */
export function DotsPlot({
  rows,
  unit,
  top,
  lang,
  label,
}: {
  rows: readonly DotRow[]
  unit: string
  top?: number
  lang: Lang
  label: string
}) {
  const known = rows.filter((row) => row.figure.value !== null)
  const most = top ?? (1.04 * Math.max(1e-9, ...known.map((row) => row.figure.high ?? row.figure.value ?? 0)) || 1)
  const share = unit === '%' ? 100 : 1
  const x = (value: number) => 200 + ((W - 290) * Math.min(value, most)) / most
  const height = 24 * known.length + 28
  return (
    <svg className="lab-plot" viewBox={`0 0 ${W} ${height}`} role="img" aria-label={label}>
      {ticksOf(most).map((value) => (
        <g key={value}>
          <line className="plot-grid" x1={x(value)} x2={x(value)} y1={0} y2={height - 22} />
          <text x={x(value)} y={height - 6} textAnchor="middle">
            {`${number(share * value, lang)}${unit ? ` ${unit}` : ''}`}
          </text>
        </g>
      ))}
      {known.map(({ label: name, figure: { value, low, high } }, i) => (
        <g key={name} transform={`translate(0 ${24 * i + 12})`}>
          <text x={188} y={4} textAnchor="end">
            {name.length > 28 ? `${name.slice(0, 27)}…` : name}
          </text>
          {low !== null && high !== null && (
            <path className="plot-whisker" d={`M${x(low)},-4v8M${x(low)},0H${x(high)}M${x(high)},-4v8`} />
          )}
          <circle className="plot-dot" cx={x(value as number)} r={4.5} />
          <text x={W - 78} y={4}>
            {`${number(share * (value as number), lang)}${unit ? ` ${unit}` : ''}`}
          </text>
        </g>
      ))}
    </svg>
  )
}
