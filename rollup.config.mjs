import { fileURLToPath, pathToFileURL } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import ts from 'typescript'

const inDist = (path) => fileURLToPath(new URL(`./dist/${path}`, import.meta.url))

/** The script-tag build says a code and where to read about it in the place of sentences. */
const linkInsteadOfSentences = {
  name: 'link-instead-of-sentences',
  load: (id) =>
    id === inDist('session/sentences.js')
      ? 'export const sentenceOf = (code) => `${code}: ${new URL(`errors#${code}`, import.meta.url)}`'
      : null,
}

/** What is only bundled needs no modules in dist/: its types are taken away as it is read. */
const typescript = {
  name: 'typescript',
  resolveId: (source, importer) =>
    importer?.endsWith('.ts') && source.startsWith('.')
      ? fileURLToPath(new URL(source.replace(/\.js$/, '.ts'), pathToFileURL(importer)))
      : null,
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

const minified = (input, file, format = 'es') => ({
  input,
  output: { file, format, sourcemap: true },
  plugins: [
    typescript,
    linkInsteadOfSentences,
    nodeResolve({ exportConditions: ['production', 'browser'] }),
    terser({ module: true, ecma: 2022, compress: { passes: 3, unsafe_arrows: true }, mangle: true }),
  ],
})

export default [
  minified('dist/element/script.js', 'dist/cdn/chat-session.js'),
  minified('demo/playground/main.ts', 'dist/playground/playground.js'),
]
