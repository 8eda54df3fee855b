/** The smallest event: listeners without arguments, and a version for useSyncExternalStore. */

export class Signal {
  version = 0
  private readonly listeners = new Set<() => void>()

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  get = (): number => this.version

  emit(): void {
    this.version++
    for (const listener of [...this.listeners]) listener()
  }
}
