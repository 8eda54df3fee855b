/** All devices as points: static positions, one byte of state each, a palette in uniforms. Own WebGL2, one draw call. */

import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibre } from 'maplibre-gl'
import { MercatorCoordinate } from 'maplibre-gl'
import { SEVERITY_MASK } from '../frames'
import type { DeviceStore } from '../live/devices'
import { rgb, type Theme } from '../theme/tokens'
import { program, shiftedMatrix } from './gl'
import { familyOf, type MapLayer } from './layers'
import { POINT_FRAGMENT, POINT_VERTEX } from './shaders'

const FADE_MS = 700
const MAX_KINDS = 64

export class PointLayer implements CustomLayerInterface {
  readonly id = 'devices'
  readonly type = 'custom' as const
  readonly renderingMode = '2d' as const
  /** The newest matrix and zoom, for whoever draws above the map in step with it. */
  onMatrix: (matrix: Float64Array) => void = () => {}

  private map: MapLibre | null = null
  private gl: WebGL2RenderingContext | null = null
  private shader: WebGLProgram | null = null
  private vao: WebGLVertexArrayObject | null = null
  private buffers: { pos: WebGLBuffer; now: WebGLBuffer; before: WebGLBuffer; abnormal: WebGLBuffer } | null = null
  private uploaded = new Uint8Array(0)
  private abnormal = 0
  private fadeFrom = 0
  private dirty = true
  private stop: (() => void) | null = null

  constructor(
    private readonly devices: DeviceStore,
    private readonly origin: MercatorCoordinate,
    private theme: Theme,
    private layer: MapLayer,
    private readonly still: boolean,
  ) {}

  setLook(theme: Theme, layer: MapLayer): void {
    this.theme = theme
    this.layer = layer
    this.map?.triggerRepaint()
  }

  onAdd(map: MapLibre, gl: WebGLRenderingContext | WebGL2RenderingContext): void {
    this.map = map
    this.gl = gl as WebGL2RenderingContext
    this.shader = program(this.gl, POINT_VERTEX, POINT_FRAGMENT)
    this.build()
    this.stop = this.devices.changed.subscribe(() => {
      this.dirty = true
      map.triggerRepaint()
    })
  }

  onRemove(): void {
    this.stop?.()
    this.stop = null
    const { gl, buffers } = this
    if (!gl || gl.isContextLost()) return
    for (const buffer of Object.values(buffers ?? {})) gl.deleteBuffer(buffer)
    gl.deleteVertexArray(this.vao)
    gl.deleteProgram(this.shader)
  }

  private build(): void {
    const gl = this.gl as WebGL2RenderingContext
    const table = this.devices.table
    if (!table) return
    const n = table.id.length
    const place = new Float32Array(n * 3)
    for (let i = 0; i < n; i++) {
      const at = MercatorCoordinate.fromLngLat([table.lon[i] ?? 0, table.lat[i] ?? 0])
      place[i * 3] = at.x - this.origin.x
      place[i * 3 + 1] = at.y - this.origin.y
      const kind = table.kind[i] ?? -1
      place[i * 3 + 2] = kind < 0 || kind >= MAX_KINDS ? MAX_KINDS - 1 : kind // a tombstone is drawn by no kind
    }
    this.buffers = { pos: gl.createBuffer(), now: gl.createBuffer(), before: gl.createBuffer(), abnormal: gl.createBuffer() }
    this.vao = gl.createVertexArray()
    gl.bindVertexArray(this.vao)
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers.pos)
    gl.bufferData(gl.ARRAY_BUFFER, place, gl.STATIC_DRAW)
    gl.enableVertexAttribArray(0)
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 12, 0)
    for (const [slot, buffer] of [
      [1, this.buffers.now],
      [2, this.buffers.before],
    ] as const) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
      gl.bufferData(gl.ARRAY_BUFFER, n, gl.DYNAMIC_DRAW)
      gl.enableVertexAttribArray(slot)
      gl.vertexAttribIPointer(slot, 1, gl.UNSIGNED_BYTE, 1, 0)
    }
    gl.bindVertexArray(null)
    this.uploaded = new Uint8Array(0)
    this.dirty = true
  }

  /** Put the new states on the card; the old ones stay beside them for a short fade. */
  private upload(): void {
    const { gl, buffers } = this
    const states = this.devices.shown
    if (!gl || !buffers || states.length !== this.devices.count) return
    const before = this.uploaded.length === states.length ? this.uploaded : states
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.before)
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, before)
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.now)
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, states)
    const abnormal: number[] = []
    for (let i = 0; i < states.length; i++) if ((states[i] ?? 0) & SEVERITY_MASK) abnormal.push(i)
    abnormal.sort((a, b) => ((states[a] ?? 0) & SEVERITY_MASK) - ((states[b] ?? 0) & SEVERITY_MASK))
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.abnormal)
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, Uint32Array.from(abnormal), gl.DYNAMIC_DRAW)
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, null)
    this.abnormal = abnormal.length
    this.uploaded = states
    this.fadeFrom = performance.now()
    this.dirty = false
  }

  render(context: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const gl = context as WebGL2RenderingContext
    const { shader, map, buffers } = this
    const main = shiftedMatrix(input.defaultProjectionData.mainMatrix, this.origin)
    this.onMatrix(main)
    if (!shader || !map || !buffers || !this.devices.table) return
    gl.bindVertexArray(null)
    if (this.dirty) this.upload()
    const mix = this.still ? 1 : Math.min(1, (performance.now() - this.fadeFrom) / FADE_MS)
    gl.useProgram(shader)
    this.uniforms(gl, shader, main, map.getZoom(), mix)
    gl.enable(gl.BLEND)
    gl.disable(gl.DEPTH_TEST)
    gl.disable(gl.STENCIL_TEST)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    gl.bindVertexArray(this.vao)
    const pass = gl.getUniformLocation(shader, 'u_abnormal')
    gl.uniform1i(pass, 0)
    gl.drawArrays(gl.POINTS, 0, this.devices.count)
    if (this.abnormal > 0) {
      gl.uniform1i(pass, 1)
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.abnormal)
      gl.drawElements(gl.POINTS, this.abnormal, gl.UNSIGNED_INT, 0)
    }
    gl.bindVertexArray(null)
    if (mix < 1) map.triggerRepaint()
  }

  private uniforms(gl: WebGL2RenderingContext, shader: WebGLProgram, matrix: Float64Array, zoom: number, mix: number): void {
    const at = (name: string) => gl.getUniformLocation(shader, name)
    const { theme, layer } = this
    const kinds = this.devices.table?.kinds ?? []
    const look = new Float32Array(MAX_KINDS * 2)
    kinds.slice(0, MAX_KINDS - 1).forEach((kind, k) => {
      const lamp = this.devices.lampKind[k] === true
      look[k * 2] = lamp ? layer.lamps : layer.weight[familyOf(kind)]
      look[k * 2 + 1] = lamp && !layer.health ? 1 : 0
      if (lamp && layer.health) look[k * 2] = 0.7
    })
    gl.uniformMatrix4fv(at('u_matrix'), false, Float32Array.from(matrix))
    gl.uniform1f(at('u_zoom'), zoom)
    gl.uniform1f(at('u_ratio'), window.devicePixelRatio || 1)
    gl.uniform1f(at('u_mix'), mix)
    gl.uniform1f(at('u_health'), layer.health ? 1 : 0)
    gl.uniform1f(at('u_solid'), theme.ground > '#888888' ? 1 : 0)
    gl.uniform2fv(at('u_kind'), look)
    const severity = [theme.normal, theme.info, theme.minor, theme.major, theme.critical].flatMap(rgb)
    gl.uniform3fv(at('u_severity'), Float32Array.from(severity))
    gl.uniform3fv(at('u_lit'), rgb(theme.lampLit))
    gl.uniform3fv(at('u_off'), rgb(theme.lampOff))
    gl.uniform3fv(at('u_stale'), rgb(theme.stale))
    gl.uniform3fv(at('u_ground'), rgb(theme.mapLand))
  }
}
