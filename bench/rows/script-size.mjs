// The bytes of the script that a page loads.
import { constants, brotliCompressSync } from 'node:zlib'
import { readScripts } from '../scripts.mjs'

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })

export default {
  title: 'The script of a page',
  method:
    'The script that a gateway serves, with the element, and for each rival the least that a page imports to connect, send and receive, bundled and minified by esbuild, or as published for a script tag.',
  figures: {
    // The limit of `npm run size`.
    'script-size': {
      unit: 'kB with brotli',
      base: 'socket.io-client',
      isAbsolute: true,
      targets: { 'chat-session': 16.384 },
    },
    'script-minified': { unit: 'kB minified', base: 'socket.io-client' },
  },
  async measure({ rounds }) {
    const results = Object.entries(await readScripts()).map(([name, bytes]) => [
      name,
      { 'script-size': brotli(bytes).length / 1_000, 'script-minified': bytes.length / 1_000 },
    ])
    return Object.fromEntries(results.map(([name, result]) => [name, new Array(rounds).fill(result)]))
  },
}
