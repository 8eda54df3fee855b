/** Fonts are ours and local; the map rasterises labels from them, so they must be there before the map is made. */

const SAMPLE = 'Hải Phòng Ồ Điện Lê Chân Ngô Quyền ABCabc 0123'

export async function loadFonts(): Promise<void> {
  try {
    await Promise.all(['400', '500', '600'].map((weight) => document.fonts.load(`${weight} 16px Inter`, SAMPLE)))
  } catch {
    // the fallback font is legible as well
  }
}
