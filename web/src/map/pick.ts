/** Which device is under the pointer: a static index on the CPU, no reading back from the card. */

import Flatbush from 'flatbush'
import type { Devices } from '../wire'

export class Picker {
  private readonly index: Flatbush | null

  constructor(
    private readonly devices: Devices,
    /** Whether a device is drawn now; hidden ones are not picked. */
    private readonly visible: (index: number) => boolean,
    /** Lower comes first among those near the pointer: alarms before lamps. */
    private readonly order: (index: number) => number,
  ) {
    const n = devices.id.length
    this.index = n > 0 ? new Flatbush(n) : null
    for (let i = 0; i < n; i++) {
      const lon = devices.lon[i] ?? 0
      const lat = devices.lat[i] ?? 0
      this.index?.add(lon, lat, lon, lat)
    }
    this.index?.finish()
  }

  /** The best device within `radius` degrees of longitude of a position, or -1. */
  at(lon: number, lat: number, radius: number): number {
    if (!this.index) return -1
    const squash = Math.cos((lat * Math.PI) / 180)
    const reach = radius * squash
    const found = this.index.search(lon - radius, lat - reach, lon + radius, lat + reach, this.visible)
    const away = (i: number) => Math.hypot(((this.devices.lon[i] ?? 0) - lon) * squash, (this.devices.lat[i] ?? 0) - lat)
    return found.filter((i) => away(i) <= reach).sort((a, b) => this.order(a) - this.order(b) || away(a) - away(b))[0] ?? -1
  }
}
