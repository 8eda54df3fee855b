/** When listeners hear of changes: once a picture, however many changes came before it. Knows no store. */

/** A hidden page has no pictures, and a page that draws slowly still has to answer. */
const LATEST_MS = 250

/** Tell at the next picture, or a quarter of a second from now if that comes first. */
export function nextPicture(tell: () => void): void {
  let told = false
  const once = () => {
    if (told) return
    told = true
    clearTimeout(timer)
    tell()
  }
  const timer = setTimeout(once, LATEST_MS)
  requestAnimationFrame(once)
}
