// Builds every page into dist/: the browser's script and the server's renderer. The builds are development builds, in which
// frameworks show warnings and React's StrictMode mounts twice.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import vue from '@vitejs/plugin-vue'
import { build } from 'vite'
import { angularLinker } from './angular/linker.mjs'

process.env.NODE_ENV = 'development'
const mode = 'development'

const plugins = {
  angular: () => [angularLinker()],
  svelte: () => [svelte({ configFile: false })],
  vue: () => [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === 'chat-session' } } })],
}

/** @type {Record<string, { client?: string, server?: string, plugins?: () => import('vite').PluginOption[] }>} */
const pages = {
  react: { client: 'react/client.tsx', server: 'react/server.tsx' },
  'react-documented': { client: 'react/documented-client.tsx' },
  'react-late': { client: 'react/late-client.tsx' },
  'react-hydration': { client: 'react/hydration-client.tsx', server: 'react/hydration-server.tsx' },
  vue: { client: 'vue/client.ts', server: 'vue/server.ts', plugins: plugins.vue },
  'vue-documented': { client: 'vue/documented-client.ts', plugins: plugins.vue },
  'vue-bindings': { client: 'vue/bindings-client.ts', plugins: plugins.vue },
  svelte: { client: 'svelte/client.ts', server: 'svelte/server.ts', plugins: plugins.svelte },
  'svelte-documented': { client: 'svelte/documented-client.ts', plugins: plugins.svelte },
  'svelte-bindings': { client: 'svelte/bindings-client.ts', plugins: plugins.svelte },
  'svelte-values': { server: 'svelte/values-server.ts', plugins: plugins.svelte },
  // `npm run build` runs ngc first, which writes this file.
  angular: { client: 'dist/angular/angular/main.js', plugins: plugins.angular },
  'angular-documented': {
    client: 'dist/angular/angular/documented-main.js',
    plugins: plugins.angular,
  },
  'angular-bindings': { client: 'dist/angular/angular/bindings-main.js', plugins: plugins.angular },
}

const common = {
  configFile: false,
  root: import.meta.dirname,
  mode,
  logLevel: 'warn',
  esbuild: { jsx: 'automatic' },
}
const outputOf = (name) => ({
  entryFileNames: `${name}.js`,
  chunkFileNames: `${name}-[hash].js`,
})

for (const [name, { client, server, plugins: made = () => [] }] of Object.entries(pages)) {
  if (client)
    await build({
      ...common,
      plugins: made(),
      build: {
        outDir: `dist/client/${name}`,
        minify: false,
        rollupOptions: { input: client, output: outputOf('client') },
      },
    })
  if (server)
    await build({
      ...common,
      plugins: made(),
      // Node resolves the package, as on an app's server.
      ssr: { external: ['chat-session'] },
      build: {
        outDir: 'dist/server',
        emptyOutDir: false,
        ssr: server,
        rollupOptions: { output: outputOf(name) },
      },
    })
}
