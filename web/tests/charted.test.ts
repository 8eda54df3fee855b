import { describe, expect, it } from 'vitest'
import { charted } from '../src/charted'

const kinds = [0, 0, 0, 0, 1, 2, 2]

describe('the devices of an incident that are drawn', () => {
  it('are one of each kind, the rarest first, then more of what there is', () => {
    const kindOf = (device: number) => kinds[device] ?? -1
    expect(charted([0, 1, 2, 3, 4, 5, 6], kindOf, 3)).toEqual([4, 5, 0])
    expect(charted([0, 1, 2], kindOf, 2)).toEqual([0, 1])
    expect(charted([], kindOf, 3)).toEqual([])
  })
})
