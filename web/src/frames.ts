/** Binary feed frames: the 24-byte little-endian header, inflation, and what the bits of a state byte mean. No DOM. */

export const FRAME_VERSION = 1
export const HEADER_BYTES = 24

export const KIND_STATE = 1
export const KIND_ROADS = 2
export const KIND_VALUES = 3

export const SEVERITY_MASK = 0b0111
export const STALE_BIT = 0b1000
export const ACTIVE_BIT = 0b1_0000
export const LEVEL_SHIFT = 5

export const ROAD_NO_DATA = 255
/** ROADS bytes are the measured share of the free speed times this. */
export const ROAD_FULL = 200

/** Whether a lamp's last report says that it gives light: a level, and not stale. */
export const isLit = (state: number): boolean => !(state & STALE_BIT) && state >> LEVEL_SHIFT > 0

const FLAG_DEFLATED = 1

export interface Header {
  readonly version: number
  readonly kind: number
  readonly deflated: boolean
  readonly seq: number
  readonly nowMs: number
  readonly count: number
  readonly registryVersion: number
}

export interface Frame {
  readonly header: Header
  readonly payload: Uint8Array
}

export class FrameError extends Error {}

/** Read the header of a frame. Throws FrameError on a short frame or an unknown version. */
export function readHeader(data: ArrayBuffer): Header {
  if (data.byteLength < HEADER_BYTES) throw new FrameError(`frame of ${data.byteLength} bytes; expected at least ${HEADER_BYTES}`)
  const view = new DataView(data)
  const version = view.getUint8(0)
  if (version !== FRAME_VERSION) throw new FrameError(`frame version ${version}; expected ${FRAME_VERSION}`)
  return {
    version,
    kind: view.getUint8(1),
    deflated: (view.getUint16(2, true) & FLAG_DEFLATED) !== 0,
    seq: view.getUint32(4, true),
    nowMs: view.getFloat64(8, true),
    count: view.getUint32(16, true),
    registryVersion: view.getUint32(20, true),
  }
}

/** Inflate zlib bytes with the browser's own decompressor. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Decode a frame; its payload is checked against the count of the header. */
export async function decodeFrame(data: ArrayBuffer): Promise<Frame> {
  const header = readHeader(data)
  const body = new Uint8Array(data, HEADER_BYTES)
  const payload = header.deflated ? await inflate(body) : body
  if (header.kind !== KIND_VALUES && payload.length !== header.count)
    throw new FrameError(`frame kind ${header.kind} holds ${payload.length} states; its header says ${header.count}`)
  return { header, payload }
}

/**
 * Read a VALUES payload: u32 indexes of the devices, then the f32 quantities of each device in the order of its kind.
 * `quantityCount(device)` tells how many a device has. Values that are missing are NaN.
 */
export function readValues(payload: Uint8Array, count: number, quantityCount: (device: number) => number): Map<number, number[]> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  if (payload.byteLength < count * 4)
    throw new FrameError(`values frame of ${payload.byteLength} bytes; expected ${count} indexes`)
  const values = new Map<number, number[]>()
  let at = count * 4
  for (let row = 0; row < count; row++) {
    const device = view.getUint32(row * 4, true)
    const list: number[] = []
    for (let q = quantityCount(device); q > 0 && at + 4 <= payload.byteLength; q--, at += 4) list.push(view.getFloat32(at, true))
    values.set(device, list)
  }
  return values
}

/**
 * One slot per frame kind: while a frame inflates, only the newest that arrives behind it is kept.
 * A slow viewer thus skips frames and never falls behind.
 */
export class FrameInbox {
  private readonly busy = new Set<number>()
  private readonly waiting = new Map<number, ArrayBuffer>()
  dropped = 0

  constructor(
    private readonly deliver: (frame: Frame) => void,
    private readonly fail: (error: unknown) => void,
    private readonly decode: (data: ArrayBuffer) => Promise<Frame> = decodeFrame,
  ) {}

  push(data: ArrayBuffer): void {
    const kind = data.byteLength > 1 ? new DataView(data).getUint8(1) : 0
    if (this.busy.has(kind)) {
      if (this.waiting.has(kind)) this.dropped++
      this.waiting.set(kind, data)
      return
    }
    void this.run(kind, data)
  }

  private async run(kind: number, data: ArrayBuffer): Promise<void> {
    this.busy.add(kind)
    let next: ArrayBuffer | undefined = data
    while (next) {
      try {
        this.deliver(await this.decode(next))
      } catch (error) {
        this.fail(error)
      }
      next = this.waiting.get(kind)
      this.waiting.delete(kind)
    }
    this.busy.delete(kind)
  }
}
