/** The two languages, side by side: the same switch on every page. */

import { LANGS, type Lang, type Messages } from '../i18n'

export interface LangSwitchProps {
  readonly t: Messages
  readonly lang: Lang
  readonly setLang: (lang: Lang) => void
}

export function LangSwitch({ t, lang, setLang }: LangSwitchProps) {
  return (
    <div className="segmented" role="group" aria-label={t.language} data-testid="lang-switch">
      {LANGS.map((choice) => (
        <button type="button" key={choice} lang={choice} aria-pressed={lang === choice} onClick={() => setLang(choice)}>
          {choice.toUpperCase()}
        </button>
      ))}
    </div>
  )
}
