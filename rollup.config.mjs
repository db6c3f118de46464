import { fileURLToPath, pathToFileURL } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import ts from 'typescript'

const inDist = (path) => fileURLToPath(new URL(`./dist/${path}`, import.meta.url))

/**
 * What the script-tag build has in place of some of our modules: codes without sentences, no trace, nothing for servers, and no
 * classes of events, because the script exports none.
 */
const replaced = {
  // A gateway serves a page of codes beside the script. A page that serves the script itself has none to link to.
  'session/error-message.js': `
    const isServedByGateway = /\\/v1\\/chat-session[^/]*$/.test(import.meta.url)
    export const errorMessageOf = (code) =>
      isServedByGateway ? \`\${code}: \${new URL(\`errors#\${code}\`, import.meta.url)}\` : code`,
  'session/trace.js': 'export const traceStep = () => undefined',
  'element/event-map.js': 'export const createEvent = (type, init) => new CustomEvent(type, init)',
  'element/lit/server-shim.js': 'export const removeShim = () => undefined',
  // A module of lit, as a whole: the element has no styles of lit's kind.
  '../node_modules/@lit/reactive-element/css-tag.js': `
    export const getCompatibleStyle = (style) => style
    export const adoptStyles = () => undefined
    export class CSSResult {}
    export const css = undefined, unsafeCSS = undefined, supportsAdoptingStyleSheets = undefined`,
}

/** Puts other sources in the place of modules, by their path from dist/. */
const replace = (sources) => {
  const byId = new Map(Object.entries(sources).map(([path, source]) => [inDist(path), source]))
  return { name: 'replace', load: (id) => byId.get(id) ?? null }
}

/** What is only bundled needs no modules in dist/: its types are taken away as it is read. */
const typescript = {
  name: 'typescript',
  resolveId(source, importer) {
    if (!importer?.endsWith('.ts') || !source.startsWith('.')) return null
    const id = fileURLToPath(new URL(source.replace(/\.js$/, '.ts'), pathToFileURL(importer)))
    // Only the pages' own modules are imported for their effects: the playground bundles no second element.
    return { id, moduleSideEffects: /\/src\/pages\//.test(id) }
  },
  transform(code, id) {
    if (!id.endsWith('.ts')) return null
    const { outputText, sourceMapText } = ts.transpileModule(code, {
      fileName: id,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        sourceMap: true,
      },
    })
    return { code: outputText, map: sourceMapText }
  },
}

const compress = {
  passes: 4,
  unsafe_arrows: true,
  // Bodies that are put in the place of calls with arguments compress worse than the calls.
  inline: 1,
  // Nothing is read for what the reading does, and no function is asked how many arguments it takes.
  pure_getters: true,
  keep_fargs: false,
}

const minified = (input, file, { format = 'es', sourcemap = true, sources = replaced } = {}) => ({
  input,
  output: { file, format, sourcemap },
  plugins: [
    typescript,
    replace(sources),
    nodeResolve({ exportConditions: ['production', 'browser'] }),
    terser({ module: true, ecma: 2022, compress }),
  ],
})

export default [
  minified('dist/element/script.js', 'dist/cdn/chat-session.js'),
  // A classic script, for `importScripts`.
  minified('dist/element/notifications/worker.js', 'dist/cdn/chat-session-worker.js', { format: 'iife' }),
  // No page of the operator's own loads them: a map would only make the package larger. Their elements have styles of lit's kind.
  minified('src/pages/playground/main.ts', 'dist/pages/playground/playground.js', {
    sourcemap: false,
    sources: {},
  }),
  minified('src/pages/console/main.ts', 'dist/pages/console/console.js', { sourcemap: false, sources: {} }),
]
