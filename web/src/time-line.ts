/** The line of time: where an instant lies on it, what lies beside it, which instant a time of day means. Pure. */

import { clockAt } from './format'
import type { Mark, TimeLine } from './wire'

const DAY_MS = 86_400_000
/** So near to a mark one stands at it: "back" then means the one before. */
const AT_MARK_MS = 2_000

/** The mark before and after an instant. */
export function neighbours(marks: readonly Mark[], nowMs: number): { before: Mark | undefined; after: Mark | undefined } {
  const sorted = [...marks].sort((a, b) => a.at_ms - b.at_ms)
  return {
    before: sorted.findLast((mark) => mark.at_ms < nowMs - AT_MARK_MS),
    after: sorted.find((mark) => mark.at_ms > nowMs),
  }
}

/** Where an instant lies on the line, in per cent. */
export function share(line: Pick<TimeLine, 'from_ms' | 'until_ms'>, atMs: number): number {
  const span = Math.max(1, line.until_ms - line.from_ms)
  return Math.min(100, Math.max(0, (100 * (atMs - line.from_ms)) / span))
}

/** The last instant of the run, up to now, at which the city's clock showed HH:MM or HH:MM:SS; null if it never did. */
export function instantOf(text: string, startAt: string, nowMs: number): number | null {
  const m = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(text.trim())
  if (!m) return null
  const wanted = (Number(m[1]) * 3600 + Number(m[2]) * 60 + Number(m[3] ?? 0)) * 1000
  const [h = 0, min = 0, s = 0] = clockAt(startAt, 0).split(':').map(Number)
  let at = wanted - (h * 3600 + min * 60 + s) * 1000
  while (at < 0) at += DAY_MS
  while (at + DAY_MS < nowMs) at += DAY_MS
  return wanted < DAY_MS && at > 0 && at < nowMs ? at : null
}
