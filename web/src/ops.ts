/** The console at work: takes the seat, loads the city, follows the feed, sends what people do. Owns the stores. */

import { ApiError, api } from './api'
import { Feed, feedUrl } from './feed'
import { type Frame, type Header, KIND_ROADS, KIND_STATE, KIND_VALUES, readValues } from './frames'
import { DeviceStore } from './live/devices'
import { RoadStore } from './live/roads'
import { ValueStore } from './live/values'
import { type Action, createStore, INITIAL, type OpsState, reduce, type Store } from './store'
import { seatToken } from './url'
import { nextPicture } from './wake'
import type { FeedEvent, Incident, Layers } from './wire'

const RETRY_MS = 1_500
/** How soon to ask again for a city that is being built: a visitor looks on. */
const CITY_MS = 150

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export class Ops {
  readonly store: Store<OpsState, Action> = createStore(reduce, INITIAL, nextPicture)
  readonly devices = new DeviceStore()
  readonly roads = new RoadStore()
  readonly values = new ValueStore()
  layers: Layers | null = null
  framesApplied = 0
  framesRefused = 0
  lastFrameSeq = 0
  /** Wall instant (performance.now) of the last message. */
  lastDataAt = performance.now()
  private feed: Feed | null = null
  private loadedVersion = -1
  private loading = false
  private fonts: Promise<void> = Promise.resolve()

  /** Begin: a token in the address takes its seat and leaves the address at once. */
  async start(fonts: Promise<void> = Promise.resolve()): Promise<void> {
    this.fonts = fonts
    const token = seatToken(location.hash)
    if (token) {
      history.replaceState(null, '', location.pathname + location.search)
      return this.takeSeat(token)
    }
    await this.enter(() => api.session())
  }

  async takeSeat(token: string): Promise<void> {
    await this.enter(() => api.takeSeat(token), 'wrong')
  }

  private async enter(open: () => Promise<NonNullable<OpsState['session']>>, problem = ''): Promise<void> {
    for (;;) {
      try {
        const session = await open()
        const [city, commandTypes] = await Promise.all([api.city(), api.commandTypes()])
        if (!city || !commandTypes) {
          this.store.dispatch({ do: 'phase', phase: 'starting' })
          await pause(CITY_MS)
          continue
        }
        await Promise.all([this.load(city.registry_version), this.fonts])
        this.store.dispatch({ do: 'ready', session, city, commandTypes })
        return this.follow()
      } catch (error) {
        const status = error instanceof ApiError ? error.status : -1
        if (status === -1) throw error
        if (status === 401 || status === 403 || status === 422)
          return this.store.dispatch({ do: 'phase', phase: 'no_seat', problem: problem || '' })
        this.store.dispatch({ do: 'phase', phase: status === 0 ? 'unreachable' : 'connecting' })
        await pause(RETRY_MS)
      }
    }
  }

  private async load(version: number): Promise<void> {
    const [layers, devices] = await Promise.all([api.layers(version), api.devices(version)])
    this.layers = layers
    this.loadedVersion = devices.registry_version
    this.roads.load(layers.roads.features.length)
    this.devices.load(devices)
  }

  private follow(): void {
    this.feed?.stop()
    this.feed = new Feed(feedUrl('/api/feed', location), {
      opened: () => this.store.dispatch({ do: 'socket', socket: 'open' }),
      lost: () => this.lost(),
      event: (event) => this.event(event),
      frame: (frame) => this.frame(frame),
      bad: (error) => console.warn('feed', error),
    })
    this.feed.start()
  }

  private lost(): void {
    this.store.dispatch({ do: 'socket', socket: 'lost' })
    this.blind(true)
    void this.checkSeat()
  }

  /** A browser is not told why a socket was refused; HTTP says whether the seat is still good (a new run has new seats). */
  private async checkSeat(): Promise<void> {
    try {
      await api.session()
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) return
      this.feed?.stop()
      this.store.dispatch({ do: 'phase', phase: 'no_seat' })
    }
  }

  private event(event: FeedEvent): void {
    this.lastDataAt = performance.now()
    this.store.dispatch({ do: 'event', event })
    const state = this.store.get()
    if (state.phase === 'unsupported') {
      this.feed?.stop()
      return
    }
    if (event.type === 'resync') {
      this.values.clear()
      void this.resync()
    }
    if (event.type === 'hello' || event.type === 'registry') void this.reload(event.registry_version)
    if (state.clock && !state.clock.city_connected) this.blind(true)
  }

  private frame(frame: Frame): void {
    this.lastDataAt = performance.now()
    const { header, payload } = frame
    const fits = header.registryVersion === this.loadedVersion && this.applyFrame(header, payload)
    if (!fits) {
      this.framesRefused++
      if (header.registryVersion !== this.loadedVersion) void this.reload(header.registryVersion)
      return
    }
    this.framesApplied++
    this.lastFrameSeq = header.seq
    const { clock, socket } = this.store.get()
    this.blind(socket !== 'open' || clock?.city_connected === false)
  }

  private applyFrame({ kind, count }: Header, payload: Uint8Array): boolean {
    if (kind === KIND_STATE) return this.devices.apply(payload)
    if (kind === KIND_ROADS) return this.roads.apply(payload)
    if (kind === KIND_VALUES)
      this.values.apply(readValues(payload, count, (device) => this.devices.kindOf(device)?.quantities.length ?? 0))
    return true
  }

  private blind(blind: boolean): void {
    this.devices.setBlind(blind)
    this.roads.setBlind(blind)
  }

  private async reload(version: number): Promise<void> {
    if (this.loading || version === this.loadedVersion) return
    this.loading = true
    try {
      await this.load(version)
    } catch (error) {
      console.warn('registry', error)
    } finally {
      this.loading = false
    }
  }

  private async resync(): Promise<void> {
    try {
      this.store.dispatch({ do: 'snapshot', snapshot: await api.overview() })
    } catch (error) {
      this.tell(error)
    }
  }

  watch(devices: readonly number[]): void {
    this.values.clear()
    this.feed?.subscribe(devices)
  }

  async openIncident(id: string): Promise<void> {
    try {
      this.store.dispatch({ do: 'incident', incident: await api.incident(id) })
    } catch (error) {
      this.tell(error)
    }
  }

  /** A judgement of a person on an incident; true when the center took it. */
  async judge(incident: string, what: Parameters<typeof api.judge>[1], params: object = {}): Promise<boolean> {
    return this.attempt(async () => {
      const answer = await api.judge(incident, what, params)
      if (answer.incident) this.store.dispatch({ do: 'incident', incident: answer.incident })
    }, incident)
  }

  async acknowledgeAlert(fingerprint: string): Promise<boolean> {
    return this.attempt(() => api.acknowledgeAlert(fingerprint))
  }

  async command(type: string, target: { kind: string; id: string }, params: object, incident: Incident | null): Promise<boolean> {
    return this.attempt(async () => {
      const command = await api.command(type, target, params, incident?.incident_id ?? null)
      this.store.dispatch({ do: 'command', command })
    })
  }

  /** Show another instant of a replay. */
  async seek(toMs: number): Promise<boolean> {
    return this.attempt(() => api.seek(toMs))
  }

  async control(change: object): Promise<boolean> {
    return this.attempt(() => api.control(change))
  }

  private async attempt(what: () => Promise<unknown>, incident?: string): Promise<boolean> {
    try {
      await what()
      return true
    } catch (error) {
      this.tell(error)
      if (incident && error instanceof ApiError && error.status === 409) void this.openIncident(incident)
      return false
    }
  }

  /** Problems are kept as "status|detail"; the view says them in the viewer's language. */
  private tell(error: unknown): void {
    const text = error instanceof ApiError ? `${error.status}|${error.message}` : `-1|${String(error)}`
    this.store.dispatch({ do: 'toast', tone: 'error', text })
  }
}
