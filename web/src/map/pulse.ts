/**
 * Traffic as streaks of light, on a canvas of its own above the map: the map stays still (and costs nothing) while they run.
 * Only what was measured runs: a road without data has no streak. Slow machines get fewer frames.
 */

import { type Map as MapLibre, MercatorCoordinate } from 'maplibre-gl'
import { ROAD_FULL, ROAD_NO_DATA } from '../frames'
import type { RoadStore } from '../live/roads'
import { rgb, type Theme } from '../theme/tokens'
import type { Collection } from '../wire'
import { program } from './gl'
import { PULSE_FRAGMENT, PULSE_VERTEX } from './shaders'
import { roadOffset, roadWidth } from './style'

const SPACING_M = 55
const STREAK_PX = 26
const STREAK_GAP_PX = 52
const FREE_PX_PER_S = 46
const EARTH_M = 40_075_017
const TEXTURE_WIDTH = 1024
const FAST_MS = 33
const SLOW_MS = 120
const SLOWEST_MS = 300

export class PulseOverlay {
  readonly canvas = document.createElement('canvas')
  enabled = true
  /** False while simulated time stands still: so do the streaks. */
  moving = true
  private readonly gl: WebGL2RenderingContext | null
  private shader: WebGLProgram | null = null
  private instances = 0
  private matrix: Float64Array | null = null
  private texels = new Float32Array(0)
  private frame = 0
  private lastAt = 0
  private every: number
  private late = 0
  private readonly stopListening: () => void

  constructor(
    private readonly map: MapLibre,
    private readonly roads: RoadStore,
    private readonly collection: Collection,
    private readonly origin: MercatorCoordinate,
    private theme: Theme,
    software: boolean,
  ) {
    this.every = software ? SLOW_MS : FAST_MS
    this.canvas.className = 'pulse'
    this.gl = this.canvas.getContext('webgl2', { alpha: true, antialias: false, depth: false, premultipliedAlpha: true })
    map.getCanvas().after(this.canvas)
    if (this.gl) this.build(this.gl)
    this.canvas.addEventListener('webglcontextlost', (event) => event.preventDefault())
    this.canvas.addEventListener('webglcontextrestored', () => this.gl && this.build(this.gl))
    const onRender = () => this.draw(0)
    map.on('render', onRender)
    this.stopListening = () => map.off('render', onRender)
    this.frame = requestAnimationFrame(this.tick)
  }

  setMatrix(matrix: Float64Array): void {
    this.matrix = matrix
  }

  setTheme(theme: Theme): void {
    this.theme = theme
  }

  destroy(): void {
    cancelAnimationFrame(this.frame)
    this.stopListening()
    this.canvas.remove()
    this.gl?.getExtension('WEBGL_lose_context')?.loseContext()
  }

  private build(gl: WebGL2RenderingContext): void {
    this.shader = program(gl, PULSE_VERTEX, PULSE_FRAGMENT)
    const rows = streaks(this.collection, this.origin)
    this.instances = rows.length / 8
    this.texels = new Float32Array(TEXTURE_WIDTH * Math.max(1, Math.ceil(this.collection.features.length / TEXTURE_WIDTH)) * 2)
    gl.bindVertexArray(gl.createVertexArray())
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer())
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, -1, 0, 1, 1, -1, 1, 1]), gl.STATIC_DRAW)
    gl.enableVertexAttribArray(0)
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 8, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer())
    gl.bufferData(gl.ARRAY_BUFFER, rows, gl.STATIC_DRAW)
    for (const slot of [1, 2]) {
      gl.enableVertexAttribArray(slot)
      gl.vertexAttribPointer(slot, 4, gl.FLOAT, false, 32, (slot - 1) * 16)
      gl.vertexAttribDivisor(slot, 1)
    }
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture())
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST)
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST)
  }

  private tick = (at: number): void => {
    this.frame = requestAnimationFrame(this.tick)
    const since = at - this.lastAt
    if (!this.enabled || !this.moving || document.hidden || since < this.every - 4) return
    this.lastAt = at
    this.late = since > this.every * 2 && since < 2000 ? this.late + 1 : Math.max(0, this.late - 1)
    if (this.late > 20) {
      this.every = this.every === FAST_MS ? SLOW_MS : SLOWEST_MS
      this.late = 0
    }
    this.draw(Math.min(since, 250))
  }

  private draw(sinceMs: number): void {
    const { gl, shader, matrix, map } = this
    if (!gl || !shader || !matrix || gl.isContextLost()) return
    const source = map.getCanvas()
    if (this.canvas.width !== source.width || this.canvas.height !== source.height) {
      this.canvas.width = source.width
      this.canvas.height = source.height
    }
    gl.viewport(0, 0, source.width, source.height)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    if (!this.enabled) return
    const zoom = map.getZoom()
    const unitsPerPx = 1 / (512 * 2 ** zoom)
    this.advance((sinceMs / 1000) * FREE_PX_PER_S * unitsPerPx)
    gl.useProgram(shader)
    this.uniforms(gl, shader, zoom)
    const height = this.texels.length / 2 / TEXTURE_WIDTH
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, TEXTURE_WIDTH, height, 0, gl.RG, gl.FLOAT, this.texels)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.instances)
  }

  /** Move every measured road's streaks by its own speed; -1 marks a road without data. */
  private advance(step: number): void {
    const shares = this.roads.shown
    for (let road = 0; road < shares.length; road++) {
      const byte = shares[road] ?? ROAD_NO_DATA
      const share = byte === ROAD_NO_DATA ? -1 : byte / ROAD_FULL
      this.texels[road * 2] = (this.texels[road * 2] ?? 0) + Math.max(0, share) * step
      this.texels[road * 2 + 1] = share
    }
  }

  private uniforms(gl: WebGL2RenderingContext, shader: WebGLProgram, zoom: number): void {
    const at = (name: string) => gl.getUniformLocation(shader, name)
    const { theme } = this
    const metresPerPx = (EARTH_M * Math.cos((this.map.getCenter().lat * Math.PI) / 180)) / (512 * 2 ** zoom)
    const light = theme.ground > '#888888' ? 1 : 0
    gl.uniformMatrix4fv(at('u_matrix'), false, Float32Array.from(this.matrix as Float64Array))
    gl.uniform2f(at('u_view'), this.canvas.width, this.canvas.height)
    gl.uniform1f(at('u_keep'), Math.min(1, SPACING_M / (STREAK_GAP_PX * metresPerPx)))
    gl.uniform1f(at('u_length'), STREAK_PX * (zoom > 14 ? 1 + (zoom - 14) * 0.5 : 1))
    gl.uniform1f(at('u_width'), Math.max(0.9, roadWidth(zoom) * 0.4))
    gl.uniform1f(at('u_offset'), roadOffset(zoom))
    gl.uniform1f(at('u_ratio'), window.devicePixelRatio || 1)
    gl.uniform1f(at('u_strength'), light ? 0.55 : 0.85)
    gl.uniform1f(at('u_solid'), light)
    gl.uniform3fv(at('u_free'), rgb(theme.pulse))
    gl.uniform3fv(at('u_slow'), rgb(theme.roadSlow))
    gl.uniform3fv(at('u_jam'), rgb(theme.roadJam))
  }
}

/** Eight floats per streak: both ends of its segment, phase, rank, road, length; all relative to `origin`. */
export function streaks(roads: Collection, origin: { x: number; y: number }): Float32Array<ArrayBuffer> {
  const rows: number[] = []
  roads.features.forEach((feature, order) => {
    if (feature.geometry.type !== 'LineString') return
    const road = Number(feature.properties?.index ?? order)
    const line = feature.geometry.coordinates.map(([lon, lat]) => MercatorCoordinate.fromLngLat([lon ?? 0, lat ?? 0]))
    for (let i = 1; i < line.length; i++) {
      const a = line[i - 1] as MercatorCoordinate
      const b = line[i] as MercatorCoordinate
      const length = Math.hypot(b.x - a.x, b.y - a.y)
      if (length === 0) continue
      const count = Math.max(1, Math.round((length * EARTH_M * 0.93) / SPACING_M))
      for (let k = 0; k < count; k++) {
        const spread = hash(road * 131 + i * 17 + k)
        const phase = (k + spread * 0.7) / count
        rows.push(
          a.x - origin.x,
          a.y - origin.y,
          b.x - origin.x,
          b.y - origin.y,
          phase,
          hash(road * 7919 + k * 31 + i),
          road,
          length,
        )
      }
    }
  })
  return new Float32Array(rows)
}

/** A fixed number in 0-1 per integer: the picture is the same for everyone. */
function hash(n: number): number {
  let h = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296
}
