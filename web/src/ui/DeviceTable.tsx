/** All devices as a table: everything on the map, without the map. Only the rows in sight are made. */

import { useMemo, useState } from 'react'
import { matches } from '../fold'
import { number } from '../format'
import { SEVERITY_MASK, STALE_BIT } from '../frames'
import { say } from '../i18n'
import { useConsole, useSignal, useText } from './context'
import { SEVERITY_OF_BITS, useStateWords } from './DevicePanel'
import { SeverityMark } from './Severity'

const ROW_PX = 34
const AROUND = 8

export function DeviceTable() {
  const { ops, ui } = useConsole()
  const { t, lang } = useText()
  const loaded = useSignal(ops.devices.loaded)
  const changed = useSignal(ops.devices.changed)
  const words = useStateWords()
  const [kind, setKind] = useState(-1)
  const [abnormal, setAbnormal] = useState(false)
  const [text, setText] = useState('')
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const table = ops.devices.table
  // biome-ignore lint/correctness/useExhaustiveDependencies: the versions stand for the arrays behind them
  const rows = useMemo(() => {
    const found: number[] = []
    if (!table) return found
    const states = ops.devices.shown
    for (let i = 0; i < table.id.length; i++) {
      const state = states[i] ?? 0
      if ((table.kind[i] ?? -1) < 0 || (kind >= 0 && table.kind[i] !== kind)) continue
      if (abnormal && !(state & (SEVERITY_MASK | STALE_BIT))) continue
      if (text !== '' && !matches(text, `${table.name[i]} ${table.id[i]}`)) continue
      found.push(i)
    }
    if (abnormal) found.sort((a, b) => ((states[b] ?? 0) & SEVERITY_MASK) - ((states[a] ?? 0) & SEVERITY_MASK))
    return found
  }, [table, kind, abnormal, text, loaded, abnormal ? changed : 0])
  const first = Math.max(0, Math.floor(scroll.top / ROW_PX) - AROUND)
  const last = Math.min(rows.length, first + Math.ceil(scroll.height / ROW_PX) + 2 * AROUND)
  return (
    <section className="table-view card" aria-label={t.devices} data-testid="device-table">
      <div className="table-filters">
        <label className="field">
          <span>{t.kind}</span>
          <select value={kind} onChange={(event) => setKind(Number(event.target.value))}>
            <option value={-1}>{t.allKinds}</option>
            {table?.kinds.map((info, index) => (
              <option key={info.name} value={index}>
                {say(info.title, lang) || info.name}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>{t.name}</span>
          <input value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <label className="check">
          <input type="checkbox" checked={abnormal} onChange={(event) => setAbnormal(event.target.checked)} /> {t.onlyAbnormal}
        </label>
        <span className="muted num">
          {t.rows.replace('{shown}', number(rows.length, lang)).replace('{n}', number(table?.id.length ?? 0, lang))}
        </span>
      </div>
      <div
        className="table-scroll"
        onScroll={(event) => setScroll({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
      >
        <table aria-rowcount={rows.length}>
          <thead>
            <tr>
              <th>{t.state}</th>
              <th>{t.name}</th>
              <th>{t.kind}</th>
              <th>{t.id}</th>
              <th>{t.feeder}</th>
            </tr>
          </thead>
          <tbody>
            <tr style={{ height: first * ROW_PX }} />
            {rows.slice(first, last).map((i, at) => {
              const state = ops.devices.shown[i] ?? 0
              const severity = SEVERITY_OF_BITS[state & SEVERITY_MASK]
              return (
                <tr key={i} aria-rowindex={first + at + 1}>
                  <td>
                    {severity ? (
                      <SeverityMark severity={severity} />
                    ) : (
                      <span className={state & STALE_BIT ? 'dot hollow' : 'dot'} />
                    )}{' '}
                    {words(state)}
                  </td>
                  <td>
                    <button type="button" className="link" onClick={() => ui.dispatch({ selection: `d:${table?.id[i]}` })}>
                      {table?.name[i] || table?.id[i]}
                    </button>
                  </td>
                  <td>{say(ops.devices.kindOf(i)?.title, lang)}</td>
                  <td className="muted">{table?.id[i]}</td>
                  <td className="muted">{table?.feeder[i]}</td>
                </tr>
              )
            })}
            <tr style={{ height: (rows.length - last) * ROW_PX }} />
          </tbody>
        </table>
      </div>
    </section>
  )
}
