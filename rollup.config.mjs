import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'

const inDist = (path) => fileURLToPath(new URL(`./dist/${path}`, import.meta.url))

/** The script-tag build says a code and where to read about it in the place of sentences. */
const linkInsteadOfSentences = {
  name: 'link-instead-of-sentences',
  load: (id) =>
    id === inDist('session/sentences.js')
      ? 'export const sentenceOf = (code) => `${code}: ${new URL(`errors#${code}`, import.meta.url)}`'
      : null,
}

const minified = (input, file, format = 'es') => ({
  input,
  output: { file, format, sourcemap: true },
  plugins: [
    linkInsteadOfSentences,
    nodeResolve({ exportConditions: ['production', 'browser'] }),
    terser({ module: true, ecma: 2022, compress: { passes: 3, unsafe_arrows: true }, mangle: true }),
  ],
})

export default [minified('dist/element/script.js', 'dist/cdn/chat-session.js')]
