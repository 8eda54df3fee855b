/** What was drawn: the lines with bands and threshold, the instant that is asked about, a lane for each alert. */

import { type ReactNode, useMemo } from 'react'
import { clockAt, fill } from '../format'
import type { Lang } from '../i18n'
import type { ThemeName } from '../theme/tokens'
import type { Labels, WhyNode } from './api'
import { union } from './bands'
import { Lanes } from './Lanes'
import { agree, type Picture } from './picture'
import { RangeChart, type TruthBand } from './RangeChart'
import type { LabTexts } from './texts'

interface DrawingProps {
  readonly picture: Picture
  readonly lt: LabTexts
  readonly lang: Lang
  readonly themeName: ThemeName
  readonly startAt: string
  readonly truth: readonly TruthBand[]
  readonly truthSwitch: ReactNode
  readonly part: WhyNode | null
  readonly chosenKey: string | null
  readonly at: number
  readonly onPick: (ms: number) => void
  readonly choose: (lane: { labels: Labels } | null) => void
  readonly whole: () => void
}

export function Drawing(props: DrawingProps) {
  const { picture, lt, lang, themeName, startAt, truthSwitch, part, chosenKey, at, onPick, choose, whole } = props
  const { lanes, lines, times } = picture
  const truth = useMemo(
    () => props.truth.filter((band) => band.to >= picture.from && band.from <= picture.to),
    [props.truth, picture.from, picture.to],
  )
  const lane = lanes.find((one) => one.key === chosenKey)
  const shownLanes = useMemo(() => (lane ? [lane] : lanes), [lane, lanes])
  const firingKeys = useMemo(() => {
    const firing = shownLanes.filter((one) => one.bands.some((band) => band.state === 'firing'))
    return new Set(lines.filter((line) => firing.some((one) => agree(line.labels, one.labels))).map((line) => line.key))
  }, [lines, shownLanes])
  const chosenLine = lane ? (lines.find((line) => agree(line.labels, lane.labels))?.key ?? null) : null
  const firing = useMemo(() => union(shownLanes, 'firing'), [shownLanes])
  const pending = useMemo(() => union(shownLanes, 'pending'), [shownLanes])
  return (
    <div className="lab-drawing">
      <p className="lab-drawn">
        <code>{picture.charted.text.replace(/\s+/g, ' ')}</code>
        <span className="muted num">{fill(lt.seriesOf, { shown: lines.length, n: picture.lineCount })}</span>
        {part && (
          <button type="button" onClick={whole} aria-label={lt.query}>
            ×
          </button>
        )}
      </p>
      {lines.length === 0 ? (
        <p className="empty" data-testid="lab-nothing">
          {lt.nothing}
        </p>
      ) : (
        <RangeChart
          {...{ times, lines, firingKeys, firing, pending, truth, at, startAt, lang, themeName, onPick }}
          chosen={chosenLine}
          threshold={picture.charted.threshold}
          label={picture.charted.text}
        />
      )}
      <label className="lab-instant">
        <span className="muted">{lt.instant}</span>
        <input
          type="range"
          min={times[0] ?? 0}
          max={times[times.length - 1] ?? 0}
          step={picture.why.interval_ms}
          value={at}
          data-testid="lab-instant"
          aria-valuetext={clockAt(startAt, at)}
          onChange={(event) => onPick(Number(event.target.value))}
        />
        <b className="num">{clockAt(startAt, at)}</b>
      </label>
      <p className="lab-legend">
        {picture.charted.threshold !== null && (
          <span>
            <i className="key-threshold" /> {lt.threshold}{' '}
            <span className="code">
              {picture.charted.op} {picture.charted.threshold}
            </span>
          </span>
        )}
        <span>
          <i className="key-firing" /> {lt.firing}
        </span>
        <span>
          <i className="key-pending" /> {lt.pending}
        </span>
        {truthSwitch && (
          <span>
            <i className="key-truth" /> {lt.truth}
          </span>
        )}
        {truthSwitch}
      </p>
      <h3>
        {lt.lanes} <small className="muted">{picture.recorded ? lt.recorded : lt.computed}</small>
      </h3>
      {lanes.length === 0 && <p className="muted">{lt.noLanes}</p>}
      <Lanes
        {...{ lanes, truth, at, startAt, lt, choose }}
        unsaid={picture.unsaid}
        from={times[0] ?? 0}
        to={times[times.length - 1] ?? 0}
        chosen={chosenKey}
      />
      {picture.laneCount > lanes.length && <p className="muted">{fill(lt.more, { n: picture.laneCount - lanes.length })}</p>}
    </div>
  )
}
