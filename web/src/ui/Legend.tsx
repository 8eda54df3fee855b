/** The legend, always visible, with the switch of the thematic layer. */

import type { LayerId } from '../map/layers'
import { layerOf, MAP_LAYERS } from '../map/layers'
import type { Severity } from '../wire'
import { useConsole, useText, useUi } from './context'
import { SeverityMark } from './Severity'

const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor', 'info']

export function Legend() {
  const { ui } = useConsole()
  const { t } = useText()
  const id = useUi((state) => state.layer) as LayerId
  const layer = layerOf(id)
  return (
    <aside className="legend card" data-testid="legend" aria-label={t.legend}>
      <div className="layer-tabs" role="group" aria-label={t.keys.layers}>
        {MAP_LAYERS.map((option) => (
          <button
            key={option.id}
            type="button"
            aria-pressed={option.id === layer.id}
            aria-label={`${option.id}: ${t.layers[option.id]}`}
            title={t.layers[option.id]}
            onClick={() => ui.dispatch({ layer: option.id })}
          >
            {option.id}
          </button>
        ))}
        <b>{t.layers[layer.id]}</b>
      </div>
      {layer.roads && (
        <div className="legend-block" title={t.shareOfFree}>
          <span className="ramp" aria-hidden="true" />
          <span className="ramp-words">
            <span>{t.roadJam}</span>
            <span>{t.roadSlow}</span>
            <span>{t.roadFree}</span>
          </span>
          <span className="legend-row">
            <i className="swatch road-none" /> {t.roadNoData}
          </span>
        </div>
      )}
      {layer.lamps > 0.5 && (
        <div className="legend-block columns">
          <span className="legend-row">
            <i className="swatch lamp-lit" /> {t.lampLit}
          </span>
          <span className="legend-row">
            <i className="swatch lamp-off" /> {t.lampOff}
          </span>
          <span className="legend-row">
            <i className="swatch hollow" /> {t.lampStale}
          </span>
        </div>
      )}
      {!(layer.lamps > 0.5) && (
        <div className="legend-block columns">
          <span className="legend-row">
            <i className="swatch dot-normal" /> {t.dotNormal}
          </span>
          <span className="legend-row">
            <i className="swatch hollow" /> {t.dotStale}
          </span>
        </div>
      )}
      <div className="legend-block columns severities">
        {SEVERITIES.map((severity) => (
          <span key={severity} className="legend-row">
            <SeverityMark severity={severity} size={12} /> {t.severity[severity]}
          </span>
        ))}
      </div>
    </aside>
  )
}
