/** The right-hand card: a heading bar, a way out, a body that scrolls. */

import { type ReactNode, useEffect, useRef } from 'react'
import { useConsole, useText } from './context'

interface Props {
  readonly testId: string
  readonly label: string
  readonly id: string
  readonly tone?: string
  readonly children: ReactNode
}

export function Panel({ testId, label, id, tone, children }: Props) {
  const { ui } = useConsole()
  const { t } = useText()
  const body = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another thing in the panel starts at its top
  useEffect(() => {
    body.current?.scrollTo(0, 0) // newer browsers return a promise here, which an effect must not
  }, [id])
  return (
    <section className={`panel card ${tone ? `tone-${tone}` : ''}`} aria-label={label} data-testid={testId} data-id={id}>
      <div className="card-head">
        <span className="muted">{label}</span>
        <button
          type="button"
          className="icon"
          aria-label={t.closePanel}
          title={`${t.closePanel} (Esc)`}
          onClick={() => ui.dispatch({ selection: null })}
        >
          ✕
        </button>
      </div>
      <div className="panel-body" ref={body}>
        {children}
      </div>
    </section>
  )
}
