/** Small WebGL2 helpers. */

/** Compile and link; throws with the compiler's own words. Attribute slots are fixed in the shaders. */
export function program(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const linked = gl.createProgram()
  for (const [type, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(type) as WebGLShader
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
      throw new Error(gl.getShaderInfoLog(shader) ?? 'shader')
    gl.attachShader(linked, shader)
  }
  gl.linkProgram(linked)
  if (!gl.getProgramParameter(linked, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(gl.getProgramInfoLog(linked) ?? 'link')
  return linked
}

/** The matrix for positions relative to `origin`, folded in float64 so that float32 positions do not jitter. */
export function shiftedMatrix(matrix: ArrayLike<number>, origin: { x: number; y: number }): Float64Array {
  const m = Float64Array.from(matrix)
  for (let row = 0; row < 4; row++) m[12 + row] = (m[12 + row] ?? 0) + (m[row] ?? 0) * origin.x + (m[4 + row] ?? 0) * origin.y
  return m
}

export interface Drawing {
  readonly webgl2: boolean
  /** Drawn by the processor (no graphics card): do less, the simulation may need the cores. */
  readonly software: boolean
}

export function drawing(): Drawing {
  try {
    const gl = document.createElement('canvas').getContext('webgl2')
    const info = gl?.getExtension('WEBGL_debug_renderer_info')
    const renderer = gl && info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : ''
    gl?.getExtension('WEBGL_lose_context')?.loseContext()
    return { webgl2: gl !== null, software: /swiftshader|llvmpipe|software|basic render/i.test(renderer) }
  } catch {
    return { webgl2: false, software: false }
  }
}
