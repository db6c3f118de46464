import { fileURLToPath, pathToFileURL } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import ts from 'typescript'
import { withSmallerReactiveElement } from './scripts/build/element-base.mjs'

const inDist = (path) => fileURLToPath(new URL(`./dist/${path}`, import.meta.url))

/** The script-tag build has a code and a link in place of sentences, and no trace. */
const linkInsteadOfSentences = {
  'session/error-message.js':
    'export const errorMessageOf = (code) => `${code}: ${new URL(`errors#${code}`, import.meta.url)}`',
  'session/trace.js': 'export const traceStep = () => undefined',
}

/** The same build has the table of close codes without the sentences, as data: a function would have to be compiled at load. */
const withoutMessages = {
  name: 'without-messages',
  transform(code, id) {
    if (id !== inDist('protocol/close-codes.js')) return null
    const short = code.replaceAll(
      /\b(end|revivableEnd)\((\d+), (?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")\)/g,
      (_, kind, close) =>
        kind === 'end' ? `{ close: ${close} }` : `{ close: ${close}, _isRevivable: true }`,
    )
    if (short === code) throw new Error('close-codes.js has no messages to leave out.')
    return { code: short, map: null }
  },
}

/** What a page never calls: the element has no styles of lit's kind, and needs no stand-in for HTMLElement. */
const withoutStylesAndServers = {
  'element/lit/server-shim.js': 'export const removeShim = () => undefined',
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
    return { id, moduleSideEffects: /\/src\/(playground|console)\//.test(id) }
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

const minified = (
  input,
  file,
  { format = 'es', sourcemap = true, replaced = linkInsteadOfSentences, mangle = true, more = [] } = {},
) => ({
  input,
  output: { file, format, sourcemap },
  plugins: [
    typescript,
    replace(replaced),
    withoutMessages,
    ...more,
    nodeResolve({ exportConditions: ['production', 'browser'] }),
    terser({ module: true, ecma: 2022, compress, mangle }),
  ],
})

export default [
  minified('dist/element/script.js', 'dist/cdn/chat-session.js', {
    replaced: { ...linkInsteadOfSentences, ...withoutStylesAndServers },
    // Our modules begin a name with `_` if no page, frame or browser API uses it. ReactiveElement's private names begin so too.
    mangle: { properties: { regex: /^_/, builtins: true } },
    // The playground's elements are LitElements, which need the whole ReactiveElement.
    more: [withSmallerReactiveElement],
  }),
  // A classic script, for `importScripts`.
  minified('dist/element/notifications/worker.js', 'dist/cdn/chat-session-worker.js', { format: 'iife' }),
  // No page of the operator's own loads them: a map would only make the package larger.
  minified('src/playground/main.ts', 'dist/playground/playground.js', { sourcemap: false }),
  minified('src/console/main.ts', 'dist/console/console.js', { sourcemap: false }),
]
