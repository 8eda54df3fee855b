/** Results of the rule bench: a sweep's front and curves with the proposed change to take away, a score's figures. */

import { useEffect, useState } from 'react'
import { fill, number } from '../format'
import { type Lang, say } from '../i18n'
import {
  type BenchDocument,
  type Configuration,
  curvesOf,
  foremostOf,
  type Mark,
  readDocument,
  type Score,
  type Sweep,
  spotsOf,
} from './documents'
import { CurvesPlot, DotsPlot, FrontPlot, MarkKey, MOST_CURVES } from './Plots'
import type { LabTexts } from './texts'

/** Where documents may lie beside those that a person has: in the run's folder. */
export interface Shelf {
  readonly list: () => Promise<readonly string[]>
  readonly get: (name: string) => Promise<unknown>
}

interface Props {
  readonly lt: LabTexts
  readonly lang: Lang
  readonly shelf?: Shelf
  readonly tryRule: (expr: string, holdS: number) => void
}

const MARKS: readonly Mark[] = ['tried', 'front', 'now', 'best']

export function Results({ lt, lang, shelf, tryRule }: Props) {
  const [found, setFound] = useState<BenchDocument | null>(null)
  const [name, setName] = useState('')
  const [problem, setProblem] = useState('')
  const [held, setHeld] = useState<readonly string[]>([])
  useEffect(() => {
    shelf?.list().then(setHeld, () => setHeld([]))
  }, [shelf])
  const take = (text: string, from: string) => {
    const read = readDocument(text)
    setFound(read)
    setName(from)
    setProblem(read ? '' : fill(lt.notADocument, { name: from }))
  }
  const choose = (file: File | undefined) => {
    if (file)
      file.text().then(
        (text) => take(text, file.name),
        () => setProblem(fill(lt.notADocument, { name: file.name })),
      )
  }
  return (
    <main
      className="lab-results"
      data-testid="lab-results"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault()
        choose(event.dataTransfer.files[0])
      }}
    >
      <section className="card results-head">
        <label className="field">
          <span>{lt.openDocument}</span>
          <input
            type="file"
            accept=".json,application/json"
            data-testid="lab-file"
            onChange={(event) => choose(event.target.files?.[0])}
          />
        </label>
        {held.map((one) => (
          <button
            key={one}
            type="button"
            onClick={() =>
              shelf?.get(one).then(
                (value) => take(JSON.stringify(value), one),
                () => setProblem(fill(lt.notADocument, { name: one })),
              )
            }
          >
            {one}
          </button>
        ))}
        {name && <span className="muted">{name}</span>}
        {problem && (
          <p className="lab-error" role="alert">
            {problem}
          </p>
        )}
      </section>
      {!found && !problem && (
        <div className="empty">
          <p>{lt.noDocument}</p>
          <p className="code">cityops rules sweep … --json &gt; sweep.json</p>
        </div>
      )}
      {found?.kind === 'sweep' && <SweepView sweep={found.sweep} lt={lt} lang={lang} tryRule={tryRule} />}
      {found?.kind === 'score' && <ScoreView score={found.score} lt={lt} lang={lang} />}
    </main>
  )
}

function SweepView({ sweep, lt, lang, tryRule }: { sweep: Sweep } & Pick<Props, 'lt' | 'lang' | 'tryRule'>) {
  const { rule, proposal } = sweep
  const percent = (value: number | null) => (value === null ? '–' : `${number(100 * value, lang)} %`)
  const isNow = (one: Configuration) => one.number === sweep.current
  const isBest = (one: Configuration) => one.number === sweep.budget.best
  return (
    <div className="results-grid">
      <section className="card">
        <h2>
          {rule.alert} <small className="muted">{`${rule.file}:${rule.line}`}</small>
        </h2>
        <p>
          <code>{rule.expr}</code>{' '}
          <button type="button" onClick={() => tryRule(rule.expr, Math.round(rule.for_ms / 1000))}>
            {lt.openInLab}
          </button>
        </p>
        <p className="muted small">
          {fill(lt.sweepOf, {
            n: sweep.configurations.length + sweep.left_out,
            runs: sweep.runs.length,
            hours: number(sweep.operator_hours, lang),
            budget: number(sweep.budget.alarms_per_operator_hour, lang),
          })}
        </p>
      </section>
      <section className="card" data-testid="lab-front">
        <h2>{lt.frontTitle}</h2>
        <FrontPlot
          spots={spotsOf(sweep)}
          budget={sweep.budget.alarms_per_operator_hour}
          xLabel={lt.alarmsPerHour}
          yLabel={lt.recall}
          lang={lang}
          label={lt.frontTitle}
        />
        <ul className="plot-keys">
          {MARKS.map((mark) => (
            <li key={mark}>
              <MarkKey mark={mark} /> {lt.marks[mark]}
            </li>
          ))}
          <li>
            <svg className="mark-key" viewBox="0 0 18 16" aria-hidden="true">
              <line className="plot-budget" x1={9} x2={9} y1={0} y2={16} />
            </svg>{' '}
            {lt.budget}
          </li>
        </ul>
      </section>
      <section className="card" data-testid="lab-roc">
        <h2>{lt.rocTitle}</h2>
        <CurvesPlot
          curves={curvesOf(sweep, MOST_CURVES)}
          xLabel={lt.falsePerHour}
          yLabel={lt.recall}
          lang={lang}
          label={lt.rocTitle}
        />
      </section>
      <section className="card wide" data-testid="lab-proposal">
        <h2>{lt.proposal}</h2>
        {proposal ? (
          <>
            <p>
              <b className="code">{proposal.label}</b>{' '}
              {proposal.diff && (
                <button
                  type="button"
                  className="primary"
                  data-testid="lab-download"
                  onClick={() => download(`${rule.alert}.diff`, proposal.diff)}
                >
                  {lt.download}
                </button>
              )}
            </p>
            {proposal.diff ? <Diff text={proposal.diff} /> : <p className="muted">{proposal.problem}</p>}
          </>
        ) : (
          <p className="muted">{lt.noProposal}</p>
        )}
      </section>
      <section className="card wide">
        <h2>{lt.foremost}</h2>
        <div className="table-scroll">
          <table>
            <thead>
              <tr>
                <th>{lt.configuration}</th>
                <th className="num">{lt.recall}</th>
                <th className="num">{lt.alarmsPerHour}</th>
                <th className="num">{lt.falsePerHour}</th>
                <th className="num">{lt.timeToDetect}</th>
              </tr>
            </thead>
            <tbody>
              {foremostOf(sweep).map((one) => (
                <tr key={one.number}>
                  <td>
                    <span className="code">{one.label}</span> {isNow(one) && <span className="chip">{lt.marks.now}</span>}{' '}
                    {isBest(one) && <span className="chip">{lt.marks.best}</span>}
                  </td>
                  <td className="num">{percent(one.recall)}</td>
                  <td className="num">{number(one.alarms_per_operator_hour, lang)}</td>
                  <td className="num">{number(one.false_alarms_per_operator_hour, lang)}</td>
                  <td className="num">
                    {one.mean_time_to_detect_s === null ? '–' : `${number(one.mean_time_to_detect_s, lang)} s`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </div>
  )
}

function Diff({ text }: { text: string }) {
  return (
    <pre className="diff">
      {text.split('\n').map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines of a text that does not change
        <span key={i} className={line.startsWith('+') ? 'diff-add' : line.startsWith('-') ? 'diff-del' : ''}>
          {`${line}\n`}
        </span>
      ))}
    </pre>
  )
}

/** Hand a text to the person as a file. */
function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/x-diff' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

const CARDS: readonly (readonly [string, string])[] = [
  ['detection_rate', '%'],
  ['mean_time_to_detect_s', 's'],
  ['alarms_per_operator_hour', ''],
  ['false_alarms_per_operator_hour', ''],
  ['precision', '%'],
  ['flood_share', '%'],
]

function ScoreView({ score, lt, lang }: { score: Score } & Pick<Props, 'lt' | 'lang'>) {
  const figures = score.overall.figures
  const said = (value: number | null | undefined, unit: string) =>
    value == null ? '–' : `${number(unit === '%' ? 100 * value : value, lang)}${unit ? ` ${unit}` : ''}`
  const names = lt.figures as Readonly<Record<string, string>>
  return (
    <div className="results-grid">
      <section className="card wide">
        <h2>{lt.score}</h2>
        <p className="muted small">
          {fill(lt.scoreOf, {
            rules: score.rules.join(', '),
            runs: score.runs.length,
            hours: number(score.operator_hours, lang),
          })}
        </p>
        <dl className="kpis">
          {CARDS.map(([name, unit]) => (
            <div key={name}>
              <dt className="muted">{names[name]}</dt>
              <dd className="num">
                {said(figures[name]?.value, unit)}{' '}
                <small className="muted">
                  {figures[name]?.low == null ? '' : `${said(figures[name]?.low, unit)} – ${said(figures[name]?.high, unit)}`}
                </small>
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <section className="card">
        <h2>{lt.byKind}</h2>
        <DotsPlot
          rows={score.by_kind
            .filter((row) => row.events > 0)
            .map((row) => ({ label: say(row.title, lang) || row.kind, figure: row.figures.detection_rate ?? NONE }))}
          unit="%"
          top={1}
          lang={lang}
          label={lt.byKind}
        />
      </section>
      <section className="card">
        <h2>{lt.falseByAlert}</h2>
        <DotsPlot
          rows={score.by_alert
            .filter((row) => (row.verdicts.false ?? 0) > 0)
            .map((row) => ({ label: row.alert, figure: row.figures.false_alarms_per_operator_hour ?? NONE }))}
          unit=""
          lang={lang}
          label={lt.falseByAlert}
        />
      </section>
      <section className="card wide">
        <h2>{lt.causes}</h2>
        <DotsPlot
          rows={score.causes.map((row) => ({ label: say(row.title, lang), figure: { ...NONE, value: row.count } }))}
          unit=""
          lang={lang}
          label={lt.causes}
        />
      </section>
    </div>
  )
}

const NONE = { value: null, low: null, high: null }
