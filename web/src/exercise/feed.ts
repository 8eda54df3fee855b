/** The exercise's own socket: the clock, and a stamp that grows when the truth changes. */

import { useEffect, useState } from 'react'
import { Feed, feedUrl } from '../feed'
import type { ExerciseClock } from './api'

export function useExerciseFeed(): { clock: ExerciseClock | null; stamp: number; connected: boolean } {
  const [clock, setClock] = useState<ExerciseClock | null>(null)
  const [stamp, setStamp] = useState(0)
  const [connected, setConnected] = useState(false)
  useEffect(() => {
    const feed = new Feed(feedUrl('/exercise/api/feed', location), {
      opened: () => setConnected(true),
      lost: () => setConnected(false),
      bad: (error) => console.warn('feed', error),
      frame: () => undefined,
      event: (event) => {
        const message = event as unknown as { type: string; clock?: ExerciseClock } & Partial<ExerciseClock>
        const given =
          message.clock ?? (message.type === 'clock' && message.now_ms !== undefined ? (message as ExerciseClock) : null)
        if (given) setClock((before) => ({ ...before, ...given }))
        if (message.type !== 'clock') setStamp((n) => n + 1)
      },
    })
    feed.start()
    return () => feed.stop()
  }, [])
  return { clock, stamp, connected }
}
