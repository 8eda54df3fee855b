/** Entry of the operator's console. */

import { createRoot } from 'react-dom/client'
import './styles/fonts.css'
import './styles/base.css'
import './styles/desk.css'
import './styles/time.css'
import './styles/map.css'
import './styles/panel.css'
import 'maplibre-gl/dist/maplibre-gl.css'
import { loadFonts } from './fonts'
import { exposeHook } from './hook'
import { Ops } from './ops'
import { applyTheme } from './theme/tokens'
import { App } from './ui/App'
import { bindUrl, createUi } from './ui-state'

const ui = createUi()
const ops = new Ops()
applyTheme(ui.get().theme, document.documentElement)
document.documentElement.lang = ui.get().lang
exposeHook(ops)

// The seat leaves the address at once; the map is made when the fonts are there, because it draws its labels from them.
void ops.start(loadFonts())
bindUrl(ui)
createRoot(document.getElementById('root') as HTMLElement).render(<App console={{ ops, ui }} />)
