/** The map's style, made here from tokens: no server for glyphs, sprites or tiles. */

import type { DataDrivenPropertyValueSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl'
import { ROAD_NO_DATA } from '../frames'
import type { Theme } from '../theme/tokens'
import type { Collection, Layers } from '../wire'
import type { MapLayer } from './layers'

export const FIRST_LABEL = 'zone-labels'
const FONT = ['Inter']

/** Half the gap between the two directions of a street, and the width of one, in CSS pixels. Traffic keeps right. */
export const roadWidth = (zoom: number): number => 1.1 * 1.62 ** (zoom - 12.5)
export const roadOffset = (zoom: number): number => Math.min(12, 0.62 * roadWidth(zoom) + 0.2)

const CLASS_FACTOR: DataDrivenPropertyValueSpecification<number> = [
  'match',
  ['get', 'road_class'],
  ['motorway', 'trunk'],
  1.35,
  'primary',
  1.15,
  'secondary',
  0.95,
  'tertiary',
  0.75,
  0.55,
]

function byZoom(value: (zoom: number) => number, factor: unknown): DataDrivenPropertyValueSpecification<number> {
  const stops = [10, 11, 12, 13, 14, 15, 16, 17, 18].flatMap((zoom) => [zoom, ['*', value(zoom), factor]])
  return ['interpolate', ['linear'], ['zoom'], ...stops] as unknown as DataDrivenPropertyValueSpecification<number>
}

const SPEED = ['coalesce', ['feature-state', 'share'], ROAD_NO_DATA]

/** Grey while traffic flows; amber, then red, only below half of the free speed; a darker grey without data. */
function speedColor(theme: Theme): DataDrivenPropertyValueSpecification<string> {
  return [
    'case',
    ['==', SPEED, ROAD_NO_DATA],
    theme.roadNoData,
    ['interpolate', ['linear'], SPEED, 24, theme.roadJam, 62, theme.roadSlow, 92, theme.roadSlow, 112, theme.roadFree],
  ] as unknown as DataDrivenPropertyValueSpecification<string>
}

const slowGlow = ['case', ['>', SPEED, 110], 0, ['interpolate', ['linear'], SPEED, 20, 0.5, 110, 0.12]]

export function paintedLayers(theme: Theme, layer: MapLayer): LayerSpecification[] {
  const kind = (...values: string[]) => ['match', ['get', 'kind'], values, true, false] as never
  return [
    { id: 'ground', type: 'background', paint: { 'background-color': theme.mapLand } },
    { id: 'zones', type: 'fill', source: 'zones', paint: { 'fill-color': theme.mapZone, 'fill-opacity': 0.7 } },
    { id: 'parks', type: 'fill', source: 'areas', filter: kind('park'), paint: { 'fill-color': theme.mapPark } },
    { id: 'ports', type: 'fill', source: 'areas', filter: kind('port', 'industrial'), paint: { 'fill-color': theme.mapPort } },
    {
      id: 'water',
      type: 'fill',
      source: 'areas',
      filter: kind('river', 'sea', 'lake', 'water'),
      paint: { 'fill-color': theme.mapWater },
    },
    {
      id: 'shore',
      type: 'line',
      source: 'areas',
      filter: kind('river', 'sea', 'lake', 'water'),
      paint: { 'line-color': theme.mapWaterLine, 'line-width': 1.2, 'line-opacity': 0.7 },
    },
    { id: 'bridges', type: 'fill', source: 'areas', filter: kind('bridge'), paint: { 'fill-color': theme.mapPort } },
    {
      id: 'zone-lines',
      type: 'line',
      source: 'zones',
      paint: { 'line-color': theme.line, 'line-width': 0.8, 'line-dasharray': [4, 4], 'line-opacity': 0.55 },
    },
    {
      id: 'roads-casing',
      type: 'line',
      source: 'roads',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': theme.roadCasing,
        'line-width': byZoom((z) => roadWidth(z) * 2.6 + 1, CLASS_FACTOR),
        'line-opacity': 0.8,
      },
    },
    {
      id: 'roads-glow',
      type: 'line',
      source: 'roads',
      layout: { 'line-cap': 'round' },
      paint: {
        'line-color': speedColor(theme),
        'line-width': byZoom((z) => roadWidth(z) * 4 + 4, CLASS_FACTOR),
        'line-blur': 6,
        'line-opacity': (layer.roads ? slowGlow : 0) as never,
      },
    },
    {
      id: 'roads',
      type: 'line',
      source: 'roads',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: {
        'line-color': layer.roads ? speedColor(theme) : theme.roadNoData,
        'line-width': byZoom(roadWidth, CLASS_FACTOR),
        'line-offset': byZoom(roadOffset, CLASS_FACTOR),
      },
    },
    {
      id: 'buildings',
      type: 'fill-extrusion',
      source: 'buildings',
      minzoom: 13,
      paint: {
        'fill-extrusion-color': theme.mapBuilding,
        'fill-extrusion-height': ['interpolate', ['linear'], ['zoom'], 13, 0, 14, ['coalesce', ['get', 'height_m'], 8]],
        'fill-extrusion-opacity': 0.82,
        'fill-extrusion-vertical-gradient': true,
      },
    },
    {
      id: FIRST_LABEL,
      type: 'symbol',
      source: 'zone-points',
      maxzoom: 16.5,
      layout: {
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': ['interpolate', ['linear'], ['zoom'], 11, 11, 14, 15],
        'text-letter-spacing': 0.06,
        'text-max-width': 8,
        'text-padding': 6,
      },
      paint: { 'text-color': theme.label, 'text-halo-color': theme.halo, 'text-halo-width': 1.6, 'text-opacity': 0.88 },
    },
    {
      id: 'area-labels',
      type: 'symbol',
      source: 'areas',
      filter: ['all', ['has', 'name'], kind('river', 'sea', 'lake', 'water', 'port', 'park', 'industrial')] as never,
      layout: {
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 12,
        'text-letter-spacing': 0.1,
        'text-max-width': 9,
      },
      paint: { 'text-color': theme.muted, 'text-halo-color': theme.halo, 'text-halo-width': 1.4 },
    },
    {
      id: 'road-labels',
      type: 'symbol',
      source: 'roads',
      minzoom: 14.2,
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 420,
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 12,
        'text-padding': 12,
      },
      paint: { 'text-color': theme.label, 'text-halo-color': theme.halo, 'text-halo-width': 1.5, 'text-opacity': 0.85 },
    },
    {
      id: 'selected',
      type: 'circle',
      source: 'selected',
      paint: {
        'circle-radius': 15,
        'circle-color': 'rgba(0,0,0,0)',
        'circle-stroke-color': theme.focus,
        'circle-stroke-width': 2.5,
      },
    },
  ]
}

export function mapStyle(theme: Theme, layer: MapLayer, layers: Layers): StyleSpecification {
  const source = (data: Collection, promoteId?: string) => ({ type: 'geojson', data, promoteId, tolerance: 0.2 }) as const
  return {
    version: 8,
    light: { anchor: 'map', color: '#ffffff', intensity: 0.28, position: [1.3, 210, 30] },
    sources: {
      zones: source(layers.zones),
      'zone-points': source(centres(layers.zones)),
      areas: source(layers.areas),
      roads: source(numbered(layers.roads), 'index'),
      buildings: source(layers.buildings),
      selected: source({ type: 'FeatureCollection', features: [] }),
    },
    layers: paintedLayers(theme, layer),
  }
}

/** Roads with their index as a property, which is their order where the server does not say. */
export function numbered(roads: Collection): Collection {
  const features = roads.features.map((feature, index) =>
    feature.properties && 'index' in feature.properties ? feature : { ...feature, properties: { ...feature.properties, index } },
  )
  return { ...roads, features }
}

/** One point per polygon, at the centroid of its outer ring, for its label. */
export function centres(polygons: Collection): Collection {
  const features = polygons.features.flatMap((feature) => {
    const shape = feature.geometry
    const ring =
      shape.type === 'Polygon' ? shape.coordinates[0] : shape.type === 'MultiPolygon' ? shape.coordinates[0]?.[0] : undefined
    if (!ring || ring.length < 3) return []
    return [
      {
        type: 'Feature',
        properties: feature.properties,
        geometry: { type: 'Point', coordinates: centroid(ring) },
      } as GeoJSON.Feature,
    ]
  })
  return { type: 'FeatureCollection', features }
}

function centroid(ring: readonly GeoJSON.Position[]): [number, number] {
  let area = 0
  let x = 0
  let y = 0
  const [ox = 0, oy = 0] = ring[0] ?? []
  for (let i = 1; i < ring.length; i++) {
    const [ax = 0, ay = 0] = ring[i - 1] ?? []
    const [bx = 0, by = 0] = ring[i] ?? []
    const cross = (ax - ox) * (by - oy) - (bx - ox) * (ay - oy)
    area += cross
    x += (ax - ox + bx - ox) * cross
    y += (ay - oy + by - oy) * cross
  }
  return area === 0 ? [ox, oy] : [ox + x / (3 * area), oy + y / (3 * area)]
}
