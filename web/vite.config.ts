import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const center = process.env.CITYOPS_CENTER ?? 'http://127.0.0.1:8700'
const exercise = process.env.CITYOPS_EXERCISE ?? 'http://127.0.0.1:8701'
const here = import.meta.dirname

export default defineConfig({
  // From the root: center and exercise both serve /assets, also to pages at /exercise/.
  base: '/',
  plugins: [react()],
  worker: { format: 'es' },
  build: {
    outDir: resolve(here, '../ops_center/console'),
    emptyOutDir: true,
    target: 'es2023',
    chunkSizeWarningLimit: 1600,
    rolldownOptions: {
      input: {
        index: resolve(here, 'index.html'),
        instructor: resolve(here, 'instructor.html'),
        debrief: resolve(here, 'debrief.html'),
        lab: resolve(here, 'lab.html'),
        'exercise-lab': resolve(here, 'exercise-lab.html'),
      },
    },
  },
  server: {
    proxy: {
      '/prometheus': { target: center, changeOrigin: true },
      '/api': { target: center, ws: true, changeOrigin: true },
      '/exercise': { target: exercise, ws: true, changeOrigin: true },
    },
  },
})
