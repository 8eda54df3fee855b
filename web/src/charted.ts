/** Which of an incident's devices are drawn: those that say most about it. Pure. */

/** At most `most` devices, one of each kind, the kind with the fewest of them first: of 400 dark lamps and the meter of their
 * feeder, the meter tells the story. What is left over is filled up with further devices in their order. */
export function charted(devices: readonly number[], kindOf: (device: number) => number, most: number): number[] {
  const byKind = new Map<number, number[]>()
  for (const device of devices) {
    const kind = kindOf(device)
    const group = byKind.get(kind)
    if (group) group.push(device)
    else byKind.set(kind, [device])
  }
  const firsts = [...byKind.values()].sort((a, b) => a.length - b.length).map((group) => group[0] as number)
  return [...new Set([...firsts, ...devices])].slice(0, most)
}
