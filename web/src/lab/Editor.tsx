/** The PromQL editor: Prometheus' own language for CodeMirror, its completion fed by our center. Loaded when the lab is. */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { lintKeymap } from '@codemirror/lint'
import { Compartment, EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import { useEffect, useRef } from 'react'

export interface EditorProps {
  readonly value: string
  readonly label: string
  readonly hint: string
  /** Where Prometheus' API is. */
  readonly url: string
  readonly onChange: (text: string) => void
  readonly onRun: () => void
}

const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--info)' },
  { tag: tags.function(tags.variableName), color: 'var(--focus)' },
  { tag: tags.operatorKeyword, color: 'var(--info)' },
  { tag: tags.labelName, color: 'var(--muted)' },
  { tag: tags.string, color: 'var(--minor)' },
  { tag: tags.number, color: 'var(--minor)' },
  { tag: tags.operator, color: 'var(--text)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
])

const LOOK = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--raised)', borderRadius: '6px', border: '1px solid var(--line)' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '1px' },
  '.cm-content': {
    fontFamily: 'var(--mono)',
    fontSize: '13.5px',
    padding: '9px 4px',
    caretColor: 'var(--text)',
    minHeight: '62px',
  },
  '.cm-scroller': { lineHeight: '1.55', maxHeight: '220px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--focus) 35%, transparent)',
  },
  '.cm-matchingBracket': { outline: '1px solid var(--muted)', backgroundColor: 'transparent' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '6px' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px', lineHeight: '1.5' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--focus)', color: 'var(--on-severity)' },
  '.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal', marginLeft: '10px' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-tooltip-lint': { padding: '4px 8px' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--major)', padding: '2px 8px' },
})

export default function Editor({ value, label, hint, url, onChange, onRun }: EditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const heard = useRef({ onChange, onRun })
  heard.current = { onChange, onRun }
  const words = useRef(new Compartment())

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once per address; text and words are handed in below
  useEffect(() => {
    if (!host.current) return
    const promql = new PromQLExtension().setComplete({ remote: { url, httpMethod: 'GET', fetchFn: (to, how) => fetch(to, how) } })
    const run = {
      key: 'Mod-Enter',
      run: () => {
        heard.current.onRun()
        return true
      },
    }
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          promql.asExtension(),
          syntaxHighlighting(COLOURS),
          LOOK,
          EditorView.lineWrapping,
          Prec.highest(keymap.of([run])),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
          words.current.of([]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) heard.current.onChange(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = made
    return () => {
      promql.destroy()
      made.destroy()
      view.current = null
    }
  }, [url])

  useEffect(() => {
    const about = [
      placeholder(label),
      EditorView.contentAttributes.of({ 'aria-label': label, 'aria-describedby': 'editor-hint' }),
    ]
    view.current?.dispatch({ effects: words.current.reconfigure(about) })
  }, [label])

  useEffect(() => {
    const here = view.current
    if (here && here.state.doc.toString() !== value)
      here.dispatch({ changes: { from: 0, to: here.state.doc.length, insert: value } })
  }, [value])

  return (
    <div className="lab-editor">
      <div ref={host} data-testid="lab-editor" />
      <p id="editor-hint" className="muted hint">
        {hint}
      </p>
    </div>
  )
}
