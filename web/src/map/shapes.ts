/** One closed path per severity in a 20 × 20 box: diamond, triangle, square, disc. */

import type { Severity } from '../wire'

export const SHAPES: Readonly<Record<Severity, string>> = {
  critical: 'M10 0.8 19.2 10 10 19.2 0.8 10Z',
  major: 'M10 1.4 19.2 17.8H0.8Z',
  minor: 'M2.6 2.6H17.4V17.4H2.6Z',
  info: 'M10 1.6a8.4 8.4 0 1 0 0 16.8a8.4 8.4 0 1 0 0-16.8Z',
}
