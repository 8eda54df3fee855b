import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { backoffMs } from '../src/feed'
import { decodeFrame, type Frame, FrameError, FrameInbox, KIND_STATE, readHeader, readValues } from '../src/frames'

interface Made {
  version?: number
  kind?: number
  flags?: number
  seq?: number
  nowMs?: number
  count?: number
  registry?: number
}

function frame(payload: Uint8Array, made: Made = {}): ArrayBuffer {
  const flags = made.flags ?? 1
  const body = flags & 1 ? deflateSync(payload, { level: 1 }) : payload
  const data = new ArrayBuffer(24 + body.length)
  const view = new DataView(data)
  view.setUint8(0, made.version ?? 1)
  view.setUint8(1, made.kind ?? KIND_STATE)
  view.setUint16(2, flags, true)
  view.setUint32(4, made.seq ?? 7, true)
  view.setFloat64(8, made.nowMs ?? 12_345, true)
  view.setUint32(16, made.count ?? payload.length, true)
  view.setUint32(20, made.registry ?? 3, true)
  new Uint8Array(data, 24).set(body)
  return data
}

describe('a frame', () => {
  it('gives back its header and its inflated states', async () => {
    const states = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 7) & 255)
    const { header, payload } = await decodeFrame(frame(states))
    expect(header).toEqual({ version: 1, kind: 1, deflated: true, seq: 7, nowMs: 12_345, count: 20_000, registryVersion: 3 })
    expect(payload).toEqual(states)
  })

  it('may come without deflation', async () => {
    expect((await decodeFrame(frame(Uint8Array.of(1, 2, 3), { flags: 0 }))).payload).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('is refused when it is short, of another version, or of another length than it says', async () => {
    expect(() => readHeader(new ArrayBuffer(23))).toThrow(FrameError)
    expect(() => readHeader(frame(Uint8Array.of(1), { version: 2 }))).toThrow(/version 2; expected 1/)
    await expect(decodeFrame(frame(Uint8Array.of(1, 2), { count: 3 }))).rejects.toThrow(/holds 2 states; its header says 3/)
  })
})

describe('values', () => {
  it('are read per device, as many as its kind has quantities', () => {
    const data = new ArrayBuffer(2 * 4 + 3 * 4)
    const view = new DataView(data)
    view.setUint32(0, 9, true)
    view.setUint32(4, 4, true)
    for (const [i, v] of [1.5, Number.NaN, -2].entries()) view.setFloat32(8 + i * 4, v, true)
    const values = readValues(new Uint8Array(data), 2, (device) => (device === 9 ? 2 : 1))
    expect(values.get(9)).toEqual([1.5, Number.NaN])
    expect(values.get(4)).toEqual([-2])
  })

  it('are refused when they are shorter than their indexes', () => {
    expect(() => readValues(new Uint8Array(4), 2, () => 1)).toThrow(FrameError)
  })
})

describe('the inbox', () => {
  it('keeps only the newest frame of a kind while one inflates, and never drops the last', async () => {
    const seen: number[] = []
    const gates: (() => void)[] = []
    const decode = (data: ArrayBuffer) =>
      new Promise<Frame>((resolve) => gates.push(() => resolve({ header: readHeader(data), payload: new Uint8Array() })))
    const inbox = new FrameInbox(
      (f) => seen.push(f.header.seq),
      () => undefined,
      decode,
    )
    for (const seq of [1, 2, 3, 4]) inbox.push(frame(Uint8Array.of(), { seq }))
    inbox.push(frame(Uint8Array.of(), { seq: 100, kind: 2 }))
    while (gates.length > 0) {
      gates.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(seen).toEqual([1, 100, 4])
    expect(inbox.dropped).toBe(2)
  })

  it('goes on after a frame that cannot be read', async () => {
    const failed: unknown[] = []
    const delivered = new Promise<number>((resolve) => {
      const inbox = new FrameInbox(
        (f) => resolve(f.header.seq),
        (e) => failed.push(e),
      )
      inbox.push(frame(Uint8Array.of(1), { version: 9 }))
      inbox.push(frame(Uint8Array.of(1), { seq: 2 }))
    })
    expect(await delivered).toBe(2)
    expect(failed.length).toBe(1)
  })
})

describe('waiting before a new attempt', () => {
  it('doubles up to ten seconds and spreads by a quarter', () => {
    expect([0, 1, 2, 3].map((n) => backoffMs(n, 0))).toEqual([500, 1000, 2000, 4000])
    expect(backoffMs(40, 0)).toBe(10_000)
    expect(backoffMs(40, 1)).toBe(7_500)
  })
})
