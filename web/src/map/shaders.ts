/** GLSL of the two drawing layers. */

/** Devices. State byte: bits 0-2 severity, 3 stale, 4 active or lit, 5-7 level. u_kind: (weight, 1 for lamps). */
export const POINT_VERTEX = `#version 300 es
layout(location=0) in vec3 a_place;
layout(location=1) in uint a_now;
layout(location=2) in uint a_before;
uniform mat4 u_matrix;
uniform float u_zoom, u_ratio, u_mix, u_health;
uniform int u_abnormal;
uniform vec2 u_kind[64];
uniform vec3 u_severity[5], u_lit, u_off, u_stale;
out vec4 v_color;
flat out int v_shape;
out float v_size;

float light(uint state) {
  uint level = state >> 5u;
  return (state & 8u) != 0u || level == 0u ? 0.0 : 0.3 + 0.7 * float(level) / 7.0;
}

void main() {
  gl_Position = u_matrix * vec4(a_place.xy, 0.0, 1.0);
  uint severity = min(a_now & 7u, 4u);
  bool stale = (a_now & 8u) != 0u;
  vec2 kind = u_kind[int(a_place.z)];
  bool lamp = kind.y > 0.5;
  float near = smoothstep(12.6, 15.0, u_zoom);
  float size = 0.0;
  v_shape = 1;
  v_color = vec4(0.0);
  if (u_abnormal == 1) {
    bool far = u_zoom < 14.0;
    size = far ? (lamp ? 3.5 : 7.0) : mix(lamp ? 9.0 : 13.0, lamp ? 15.0 : 22.0, smoothstep(14.0, 17.0, u_zoom));
    v_shape = far ? 1 : 2 + int(severity);
    v_color = vec4(u_severity[severity], lamp && far ? 0.75 : 1.0);
  } else if (lamp) {
    float lit = mix(light(a_before), light(a_now), u_mix);
    if (lit > 0.01) {
      v_shape = 0;
      size = 13.0 * exp2((u_zoom - 13.0) * 0.62) * (0.6 + 0.4 * lit);
      size = clamp(size, 7.0, 110.0);
      v_color = vec4(u_lit, lit * kind.x * mix(0.42, 1.0, smoothstep(12.0, 14.5, u_zoom)));
    } else {
      size = mix(1.6, 5.0, near);
      v_shape = stale && u_zoom > 13.5 ? 7 : 1;
      v_color = vec4(stale ? u_stale : u_off, (stale ? 0.55 : 0.8) * max(kind.x, 0.25));
    }
  } else if (kind.x > 0.0) {
    size = mix(2.5, 8.0, smoothstep(12.5, 16.5, u_zoom)) * mix(0.8, 1.0, kind.x);
    float seen = u_health > 0.5 ? 1.0 : mix(smoothstep(12.5, 13.8, u_zoom), 1.0, step(0.9, kind.x) * 0.7);
    bool busy = (a_now & 24u) == 16u;
    v_shape = stale ? 7 : 1;
    v_color = vec4(stale ? u_stale : (busy ? mix(u_severity[0], vec3(1.0), 0.45) : u_severity[0]), kind.x * seen);
  }
  if (v_color.a < 0.02) size = 0.0;
  v_size = size * u_ratio;
  gl_PointSize = v_size;
  if (size == 0.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
}`

/** Shapes: 0 glow, 1 disc, 2 disc, 3 info disc, 4 minor square, 5 major triangle, 6 critical diamond, 7 hollow ring. */
export const POINT_FRAGMENT = `#version 300 es
precision highp float;
in vec4 v_color;
flat in int v_shape;
in float v_size;
uniform float u_solid;
uniform vec3 u_ground;
out vec4 color;

float outline(vec2 p) {
  if (v_shape == 4) return max(abs(p.x), abs(p.y)) - 0.62;
  if (v_shape == 5) return max(abs(p.x) * 0.894 - (p.y + 0.82) * 0.447, p.y - 0.66);
  if (v_shape == 6) return abs(p.x) + abs(p.y) - 0.86;
  return length(p) - 0.74;
}

void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  float r = length(p);
  if (v_shape == 0) {
    float halo = pow(max(0.0, 1.0 - r), 2.0) * 0.40;
    float core = smoothstep(0.26, 0.02, r);
    float a = (halo + core * 0.75) * v_color.a;
    vec3 tint = mix(v_color.rgb, vec3(1.0, 0.96, 0.88), core * 0.6 * (1.0 - u_solid));
    color = vec4(tint * a, a * mix(0.35, 1.0, u_solid));
    return;
  }
  float soft = 2.2 / max(v_size, 2.0);
  float d = outline(p);
  float inside = 1.0 - smoothstep(-soft * 0.5, soft * 0.5, d);
  if (v_shape == 7) {
    float ring = 1.0 - smoothstep(0.0, soft, abs(r - 0.66) - 0.16);
    color = vec4(v_color.rgb * ring, ring) * v_color.a;
    return;
  }
  if (v_shape >= 3) {
    float rim = 1.0 - smoothstep(-soft * 0.5, soft * 0.5, d - 0.16);
    vec3 body = mix(u_ground * 0.6, v_color.rgb, inside);
    color = vec4(body * rim, rim) * v_color.a;
    return;
  }
  color = vec4(v_color.rgb * inside, inside) * v_color.a;
}`

/**
 * Traffic: one quad per streak, running along its segment of road as fast as the road was measured.
 * a_ends: segment in the city's plane; a_run: (phase, rank, road index, segment length); u_roads: texel (distance run, share).
 */
export const PULSE_VERTEX = `#version 300 es
layout(location=0) in vec2 a_corner;
layout(location=1) in vec4 a_ends;
layout(location=2) in vec4 a_run;
uniform mat4 u_matrix;
uniform highp sampler2D u_roads;
uniform vec2 u_view;
uniform float u_keep, u_length, u_width, u_offset, u_ratio;
uniform vec3 u_free, u_slow, u_jam;
out vec4 v_color;
out vec2 v_at;

void main() {
  int road = int(a_run.z);
  vec2 now = texelFetch(u_roads, ivec2(road & 1023, road >> 10), 0).xy;
  v_color = vec4(0.0);
  v_at = a_corner;
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (now.y < 0.0 || a_run.y > u_keep) return;
  float run = fract(a_run.x + now.x / a_run.w);
  vec4 head = u_matrix * vec4(mix(a_ends.xy, a_ends.zw, run), 0.0, 1.0);
  vec4 from = u_matrix * vec4(a_ends.xy, 0.0, 1.0);
  vec4 to = u_matrix * vec4(a_ends.zw, 0.0, 1.0);
  if (head.w <= 0.0 || from.w <= 0.0 || to.w <= 0.0) return;
  vec2 road_px = (to.xy / to.w - from.xy / from.w) * u_view * 0.5;
  float span = max(length(road_px), 0.001);
  vec2 along = road_px / span;
  vec2 right = vec2(along.y, -along.x);
  float tail = min(u_length * (0.45 + 0.55 * now.y), span * run + 1.0);
  vec2 px = along * (a_corner.x - 1.0) * tail + right * (a_corner.y * u_width + u_offset);
  gl_Position = head + vec4(px * u_ratio * 2.0 / u_view * head.w, 0.0, 0.0);
  float share = now.y;
  vec3 tint = share < 0.5 ? mix(u_jam, u_slow, smoothstep(0.15, 0.5, share)) : mix(u_slow, u_free, smoothstep(0.5, 0.62, share));
  float ends = smoothstep(0.0, 0.12, run) * (1.0 - smoothstep(0.9, 1.0, run));
  v_color = vec4(tint, ends);
}`

export const PULSE_FRAGMENT = `#version 300 es
precision highp float;
in vec4 v_color;
in vec2 v_at;
uniform float u_strength, u_solid;
out vec4 color;
void main() {
  float across = 1.0 - v_at.y * v_at.y;
  float a = v_at.x * v_at.x * across * v_color.a * u_strength;
  color = vec4(v_color.rgb * a, a * mix(0.6, 1.0, u_solid));
}`
