/** Languages: Vietnamese first, English beside it; texts of the wire come in both. */

import type { Text } from '../wire'
import { en, type Messages } from './en'
import { vi } from './vi'

export type Lang = 'vi' | 'en'
export type { Messages }

export const LANGS: readonly Lang[] = ['vi', 'en']
export const MESSAGES: Readonly<Record<Lang, Messages>> = { vi, en }

/** A text of the wire in a language; the other language where it is missing. */
export function say(text: Text | string | null | undefined, lang: Lang): string {
  if (text === null || text === undefined) return ''
  if (typeof text === 'string') return text
  return text[lang] || text.en || text.vi || ''
}

/** An annotation in a language: `summary_vi` beside `summary`. */
export function note(annotations: Readonly<Record<string, string>> | undefined, key: string, lang: Lang): string {
  if (!annotations) return ''
  return (lang === 'vi' ? annotations[`${key}_vi`] : undefined) ?? annotations[key] ?? ''
}
