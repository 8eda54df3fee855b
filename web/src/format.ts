/** Numbers, durations and instants for people, in their language. Pure. */

import type { Lang } from './i18n'

const LOCALE: Readonly<Record<Lang, string>> = { vi: 'vi-VN', en: 'en-GB' }

/** The clock part and the date of an ISO instant with offset, as written (the city's own clock). */
export function localParts(iso: string): { time: string; date: string; zone: string } {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?/.exec(iso)
  if (!m) return { time: '--:--:--', date: '', zone: '' }
  const offset = m[5] ?? ''
  return {
    time: m[4] ?? '',
    date: `${m[3]}/${m[2]}/${m[1]}`,
    zone: /^\+07:?00$/.test(offset) ? 'ICT' : offset === 'Z' ? 'UTC' : `UTC${offset}`,
  }
}

/** The city's wall clock at `nowMs` of a run that began at `startAt`, HH:MM:SS. */
export function clockAt(startAt: string, nowMs: number): string {
  const m = /(?:Z|([+-])(\d\d):?(\d\d))$/.exec(startAt)
  const begun = Date.parse(startAt)
  if (Number.isNaN(begun)) return '--:--:--'
  const sign = m?.[1] === '-' ? -1 : 1
  const offset = m?.[2] ? sign * (Number(m[2]) * 60 + Number(m[3])) * 60_000 : 0
  return new Date(begun + nowMs + offset).toISOString().slice(11, 19)
}

/** A duration as m:ss or h:mm:ss, with a minus sign where negative. */
export function duration(ms: number): string {
  const s = Math.floor(Math.abs(ms) / 1000)
  const minutes = Math.floor(s / 60)
  const hours = Math.floor(minutes / 60)
  const two = (n: number) => String(n).padStart(2, '0')
  const text = hours > 0 ? `${hours}:${two(minutes % 60)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`
  return ms < 0 && s > 0 ? `−${text}` : text
}

/** A number with at most three significant digits after grouping. */
export function number(value: number | null | undefined, lang: Lang, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const options = Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits }
  return new Intl.NumberFormat(LOCALE[lang], options).format(value)
}

/** A pace as it is said: "×1", "×50", "max". */
export function pace(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === '') return '–'
  if (value === 'max' || value === 0 || value === '0') return 'max'
  return `×${String(value).replace(/\.0+$/, '')}`
}

/** Fill `{name}` places of a text. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
