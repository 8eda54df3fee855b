/** Searching without diacritics: "le chan" finds "Lê Chân". Pure. */

/** Fold a text: lower case, no marks, đ as d, single spaces. */
export function fold(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
    .replace(/đ/g, 'd')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/** Whether every word of the query begins a word of the text, or the query is contained in it. */
export function matches(query: string, text: string): boolean {
  const wanted = fold(query)
  if (wanted === '') return true
  const folded = fold(text)
  if (folded.includes(wanted)) return true
  const words = folded.split(' ')
  return wanted.split(' ').every((part) => words.some((word) => word.startsWith(part)))
}

/** Rank of a match, lower is better: equal, prefix, word prefix, contained; -1 for none. */
export function rank(query: string, text: string): number {
  const wanted = fold(query)
  const folded = fold(text)
  if (folded === wanted) return 0
  if (folded.startsWith(wanted)) return 1
  if (` ${folded}`.includes(` ${wanted}`)) return 2
  return matches(query, text) ? 3 : -1
}
