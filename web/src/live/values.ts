/** Newest values of the devices that this viewer subscribed to. */

import { Signal } from './signal'

export class ValueStore {
  readonly changed = new Signal()
  private latest = new Map<number, readonly number[]>()

  apply(values: ReadonlyMap<number, readonly number[]>): void {
    for (const [device, list] of values) this.latest.set(device, list)
    this.changed.emit()
  }

  of(device: number): readonly number[] | undefined {
    return this.latest.get(device)
  }

  clear(): void {
    this.latest.clear()
    this.changed.emit()
  }
}
