/** The rule lab: an expression or a rule, drawn over a range with its firing bands, and why it has the value it has. */

import { lazy, type ReactNode, Suspense, useCallback, useEffect, useRef, useState } from 'react'
import { ApiError } from '../api'
import type { Lang, Messages } from '../i18n'
import type { ThemeName } from '../theme/tokens'
import { Fence } from '../ui/Fence'
import { problemText } from '../ui/Notices'
import { type LabState, readLab, writeLab } from './address'
import type { LabApi, Labels, RuleRow, Why, WhyNode } from './api'
import { keyOf } from './bands'
import { Controls } from './Controls'
import { Drawing } from './Drawing'
import { draw, type Frame, type Picture, ruleOf, whyOf } from './picture'
import type { TruthBand } from './RangeChart'
import { Results, type Shelf } from './Results'
import { RuleList } from './RuleList'
import { LAB } from './texts'
import { WhyPanel } from './WhyPanel'

const Editor = lazy(() => import('./Editor'))
const FOLLOW_MS = 4_000

export interface LabProps {
  readonly api: LabApi
  readonly startAt: string
  readonly t: Messages
  readonly lang: Lang
  readonly themeName: ThemeName
  /** What was really so; only the exercise knows it. */
  readonly truth?: readonly TruthBand[]
  readonly truthSwitch?: ReactNode
  /** Documents of the rule bench that lie in the run's folder. */
  readonly shelf?: Shelf
}

const NOTHING: readonly TruthBand[] = []

export function explained(error: unknown, t: Messages): string {
  return error instanceof ApiError ? problemText(`${error.status}|${error.message}`, t.errors) : String(error)
}

export function Lab({ api, startAt, t, lang, themeName, truth = NOTHING, truthSwitch, shelf }: LabProps) {
  const lt = LAB[lang]
  const [state, setState] = useState<LabState>(() => readLab(location.hash))
  const [rules, setRules] = useState<readonly RuleRow[] | null>(null)
  const [picture, setPicture] = useState<Picture | null>(null)
  const [why, setWhy] = useState<Why | null>(null)
  const [part, setPart] = useState<WhyNode | null>(null)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const frame = useRef<Frame | null>(null)
  const drawn = useRef<{ state: LabState; part: WhyNode | null } | null>(null)
  const round = useRef(0)
  const asking = useRef(0)
  const change = useCallback((next: Partial<LabState>) => setState((old) => ({ ...old, ...next })), [])

  const load = useCallback(
    () =>
      api.rules().then(
        (found) => setRules(found),
        (problem) => setError(explained(problem, t)),
      ),
    [api, t],
  )
  useEffect(() => {
    void load()
    const timer = setInterval(load, FOLLOW_MS)
    return () => clearInterval(timer)
  }, [load])

  const show = useCallback(
    async (asked: LabState, of: WhyNode | null) => {
      const known = rules ?? []
      if (asked.expr.trim() === '' && ruleOf(asked, known) === null) return
      const mine = ++round.current
      setBusy(true)
      try {
        const made = await draw(api, asked, known, of, frame.current)
        if (mine !== round.current) return
        asking.current++
        frame.current = made
        drawn.current = { state: asked, part: of }
        setPicture(made)
        setWhy(made.why)
        setError('')
      } catch (problem) {
        if (mine === round.current) setError(explained(problem, t))
      } finally {
        if (mine === round.current) setBusy(false)
      }
    },
    [api, rules, t],
  )

  // The address follows what is asked, and what is asked follows an address that somebody opened.
  useEffect(() => {
    const timer = setTimeout(() => history.replaceState(null, '', writeLab(state)), 250)
    return () => clearTimeout(timer)
  }, [state])

  const begun = useRef(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the rules have come
  useEffect(() => {
    if (begun.current || rules === null) return
    begun.current = true
    const rule = ruleOf(state, rules)
    if (rule && state.expr === '') choose(rule, state.labels, state.at)
    else if (state.expr !== '') void show(state, null)
  }, [rules])

  // What was drawn last goes on with time; what is being typed does not draw itself.
  const again = useRef(show)
  again.current = show
  const stands = useRef(state.at)
  stands.current = state.at
  useEffect(() => {
    const timer = setInterval(() => {
      const last = drawn.current
      if (last && stands.current === null && document.visibilityState === 'visible') void again.current(last.state, last.part)
    }, FOLLOW_MS)
    return () => clearInterval(timer)
  }, [])

  function choose(rule: RuleRow | null, labels: Labels = {}, at: number | null = state.at) {
    const next: LabState = rule
      ? { ...state, alert: rule.name, expr: rule.query, holdS: rule.duration, keepS: rule.keepFiringFor ?? 0, labels, at }
      : { ...state, alert: null, labels: {} }
    setPart(null)
    setState(next)
    if (rule) void show(next, null)
  }

  const run = () => {
    setPart(null)
    void show(state, null)
  }
  const askAgain = (next: LabState) => {
    setState(next)
    const mine = ++asking.current // of many instants in a row the last one counts, whichever is answered last
    whyOf(api, next, ruleOf(next, rules ?? []), next.labels).then(
      (found) => {
        if (mine !== asking.current) return
        setWhy(found)
        setError('')
      },
      (problem) => mine === asking.current && setError(explained(problem, t)),
    )
  }
  const pickAt = (ms: number) => {
    const at = Math.round(Math.min(picture?.to ?? ms, Math.max(picture?.from ?? ms, ms)))
    askAgain({ ...state, at })
  }
  const about = (labels: Labels) => {
    const bare = Object.fromEntries(Object.entries(labels).filter(([name]) => name !== '__name__' && name !== 'alertstate'))
    askAgain({ ...state, labels: bare, at: state.at ?? picture?.why.evaluated_ms ?? null })
  }

  const edited = (expr: string) =>
    setState((old) => (old.expr === expr ? old : { ...old, expr, alert: sameRule(old, expr, rules) }))
  const chosenKey = Object.keys(state.labels).length > 0 ? keyOf(state.labels) : null

  const tabs = (
    <div className="segmented lab-tabs" role="group" aria-label={`${lt.query} / ${lt.results}`}>
      {(['query', 'results'] as const).map((choice) => (
        <button
          key={choice}
          type="button"
          aria-pressed={state.tab === choice}
          data-tab={choice}
          onClick={() => change({ tab: choice })}
        >
          {lt[choice]}
        </button>
      ))}
    </div>
  )
  const tryRule = (expr: string, holdS: number) => {
    const next: LabState = { ...state, tab: 'query', alert: null, expr, holdS, keepS: 0, labels: {} }
    setPart(null)
    setState(next)
    void show(next, null)
  }
  if (state.tab === 'results')
    return (
      <>
        {tabs}
        <Results {...{ lt, lang, shelf, tryRule }} />
      </>
    )
  return (
    <>
      {tabs}
      <main className="lab" data-testid="lab">
        <RuleList rules={rules} chosen={state.alert} lt={lt} choose={choose} />
        <section className="card lab-main">
          <Fence text={t.viewFailed} again={t.tryAgain}>
            <Suspense fallback={<p className="muted pad">{lt.editorLoading}</p>}>
              <Editor
                value={state.expr}
                label={lt.editor}
                hint={lt.editorHint}
                url={api.prometheus}
                onChange={edited}
                onRun={run}
              />
            </Suspense>
          </Fence>
          <Controls
            state={state}
            lt={lt}
            busy={busy}
            change={change}
            run={run}
            follow={() => show({ ...state, at: null }, part)}
          />
          {error && (
            <p className="lab-error" role="alert" data-testid="lab-error">
              {error}
            </p>
          )}
          {picture ? (
            <Drawing
              {...{ picture, lt, lang, themeName, startAt, truth, truthSwitch, part, chosenKey }}
              at={state.at ?? picture.to}
              onPick={pickAt}
              choose={(lane) => (lane ? about(lane.labels) : askAgain({ ...state, labels: {} }))}
              whole={() => {
                setPart(null)
                void show(state, null)
              }}
            />
          ) : (
            !error && <p className="empty">{lt.empty}</p>
          )}
        </section>
        <aside className="card lab-why" aria-label={lt.why}>
          <div className="card-head">
            <h2>{lt.why}</h2>
          </div>
          {why ? (
            <WhyPanel
              {...{ why, startAt, lt, lang, about }}
              chart={(node) => {
                setPart(node)
                void show(state, node)
              }}
            />
          ) : (
            <p className="muted pad">{lt.whyHint}</p>
          )}
        </aside>
      </main>
    </>
  )
}

/** An expression that is edited is no rule any more, until it is the rule's again. */
function sameRule(state: LabState, expr: string, rules: readonly RuleRow[] | null): string | null {
  return rules?.find((rule) => rule.query === expr && (state.alert === null || rule.name === state.alert))?.name ?? null
}
