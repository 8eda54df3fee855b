/** A severity as shape and colour; the word stands beside it or in its label. */

import { SHAPES } from '../map/shapes'
import type { Severity } from '../wire'

export function SeverityMark({ severity, size = 14, label }: { severity: Severity; size?: number; label?: string }) {
  return (
    <svg
      className={`sev-mark sev-${severity}`}
      viewBox="0 0 20 20"
      width={size}
      height={size}
      role={label ? 'img' : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
    >
      <path d={SHAPES[severity]} />
    </svg>
  )
}
