/** One lane for each alert: when it waited and when it fired; and one for what was really so, if that is known. */

import { clockAt } from '../format'
import { type Lane, nameOf } from './bands'
import { AXIS, type TruthBand } from './RangeChart'
import type { LabTexts } from './texts'

interface Props {
  readonly lanes: readonly Lane[]
  readonly truth: readonly TruthBand[]
  readonly from: number
  readonly to: number
  readonly at: number
  readonly startAt: string
  readonly chosen: string | null
  readonly unsaid: readonly string[]
  readonly lt: LabTexts
  readonly choose: (lane: Lane | null) => void
}

const MOST_TRUTH = 6

export function Lanes({ lanes, truth, from, to, at, startAt, chosen, unsaid, lt, choose }: Props) {
  const share = (ms: number) => `${(100 * (Math.min(to, Math.max(from, ms)) - from)) / Math.max(1, to - from)}%`
  const width = (a: number, b: number) =>
    `${Math.max(0.3, (100 * (Math.min(to, b) - Math.max(from, a))) / Math.max(1, to - from))}%`
  return (
    <div className="lanes" style={{ '--axis': `${AXIS}px` } as React.CSSProperties} data-testid="lab-lanes">
      {truth.slice(0, MOST_TRUTH).map((band) => (
        <div key={band.id} className="lab-lane truth-lane" data-truth={band.id}>
          <span className="lane-name">
            <b>{lt.truth}</b> {band.title}
          </span>
          <span className="lane-track">
            <i className="seg-truth" style={{ left: share(band.from), width: width(band.from, band.to) }} />
          </span>
        </div>
      ))}
      {lanes.map((lane) => (
        <button
          type="button"
          key={lane.key}
          className="lab-lane"
          aria-pressed={lane.key === chosen}
          data-lane={lane.key}
          onClick={() => choose(lane.key === chosen ? null : lane)}
        >
          <span className="lane-name">{nameOf(lane.labels, unsaid)}</span>
          <span className="lane-track">
            {lane.bands.map((band) => (
              <i
                key={`${band.state}${band.from}`}
                className={`seg-${band.state}`}
                data-state={band.state}
                data-from={band.from}
                data-to={band.to}
                title={`${lt[band.state]} ${clockAt(startAt, band.from)}–${clockAt(startAt, band.to)}`}
                style={{ left: share(band.from), width: width(band.from, band.to) }}
              />
            ))}
            <em className="lane-at" style={{ left: share(at) }} />
          </span>
          <span className="visually-hidden">
            {lane.bands.map((band) => `${lt[band.state]} ${clockAt(startAt, band.from)}–${clockAt(startAt, band.to)}`).join(', ')}
          </span>
        </button>
      ))}
    </div>
  )
}
