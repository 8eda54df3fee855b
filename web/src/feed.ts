/** The socket to the center: reconnects with back-off, splits text events from binary frames. Knows no view and no store. */

import { type Frame, FrameInbox } from './frames'
import type { FeedEvent } from './wire'

export interface FeedHandlers {
  readonly event: (event: FeedEvent) => void
  readonly frame: (frame: Frame) => void
  readonly opened: () => void
  readonly lost: () => void
  readonly bad: (error: unknown) => void
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 10_000
/** Without any message for this long the socket counts as dead: the center sends a clock several times a second. */
const SILENCE_MS = 8_000
const WATCH_MS = 1_000

/** How long to wait before attempt `n` (0, 1, ...): doubles, bounded, with up to a quarter of spread. */
export function backoffMs(attempt: number, spread: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10))
  return Math.round(wait * (1 - spread / 4))
}

export class Feed {
  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private watch: ReturnType<typeof setInterval> | undefined
  private attempt = 0
  private stopped = false
  private lastMessageAt = 0
  private lastWatchAt = 0
  private subscribed: readonly number[] = []
  private readonly inbox: FrameInbox

  constructor(
    private readonly url: string,
    private readonly handlers: FeedHandlers,
  ) {
    this.inbox = new FrameInbox(handlers.frame, handlers.bad)
  }

  start(): void {
    this.stopped = false
    this.open()
    this.watch = setInterval(() => this.checkSilence(), WATCH_MS)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
    clearInterval(this.watch)
    this.socket?.close()
  }

  /** Ask for the values of these devices (at most 64). */
  subscribe(devices: readonly number[]): void {
    this.subscribed = devices.slice(0, 64)
    this.send({ subscribe: this.subscribed })
  }

  private open(): void {
    const socket = new WebSocket(this.url)
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.attempt = 0
      this.lastMessageAt = performance.now()
      this.handlers.opened()
      if (this.subscribed.length > 0) this.send({ subscribe: this.subscribed })
    }
    socket.onmessage = (message) => this.receive(message)
    socket.onclose = () => this.closed(socket)
  }

  private receive(message: MessageEvent): void {
    this.lastMessageAt = performance.now()
    if (message.data instanceof ArrayBuffer) {
      this.inbox.push(message.data)
      return
    }
    try {
      const event = JSON.parse(message.data) as FeedEvent
      if (event.type === 'ping') this.send({ pong: event.seq ?? 0 })
      else this.handlers.event(event)
    } catch (error) {
      this.handlers.bad(error)
    }
  }

  private closed(socket: WebSocket): void {
    if (socket !== this.socket) return
    this.socket = null
    this.handlers.lost()
    if (this.stopped) return
    this.timer = setTimeout(() => this.open(), backoffMs(this.attempt++, Math.random()))
  }

  private checkSilence(): void {
    const socket = this.socket
    const now = performance.now()
    // A page that was busy or asleep has its messages still in line: only silence while awake counts.
    if (now - this.lastWatchAt > 2 * WATCH_MS) this.lastMessageAt = now
    this.lastWatchAt = now
    if (socket?.readyState !== WebSocket.OPEN || now - this.lastMessageAt < SILENCE_MS) return
    socket.onclose = null
    socket.close()
    this.closed(socket)
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
  }
}

/** The address of the feed beside this page. */
export function feedUrl(path: string, at: Location): string {
  return `${at.protocol === 'https:' ? 'wss' : 'ws'}://${at.host}${path}`
}
