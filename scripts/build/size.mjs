// Prints the size of the script for a script tag, and the part of each module. Fails if the script is too large.
import { readFile } from 'node:fs/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { rollup } from 'rollup'
import config from '../../rollup.config.mjs'

/** The largest size in bytes of brotli. With its headers, a response of that size fits into the first flight of a TCP connection. */
const MAX_SIZE = 14_000

const sizes = (bytes) => [
  bytes.length,
  gzipSync(bytes, { level: 9 }).length,
  brotliCompressSync(bytes).length,
]

/** Returns the length of each module's files without comments and blanks. The script's bytes are divided in that ratio. */
const byModule = async () => {
  const { plugins, input, output } = config[0]
  const bundle = await rollup({ input, plugins: plugins.filter(({ name }) => name !== 'terser') })
  const { output: chunks } = await bundle.generate(output)
  const modules = {}
  for (const [id, { code: source }] of Object.entries(chunks[0].modules)) {
    const { code } = await transform(source ?? '', { minify: true, legalComments: 'none' })
    const module =
      /dist\/(\w+)\//.exec(id)?.[1] ?? /node_modules\/((@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? 'other'
    modules[module] = (modules[module] ?? 0) + code.length
  }
  return modules
}

const row = (name, numbers) =>
  console.log(name.padEnd(24) + numbers.map((number) => String(number).padStart(10)).join(''))

const script = await readFile('dist/cdn/chat-session.js')
row('bytes', ['minified', 'gzip', 'brotli'])
const total = sizes(script)
row('chat-session.js', total)
const modules = await byModule()
const source = Object.values(modules).reduce((sum, length) => sum + length, 0)
for (const [module, length] of Object.entries(modules).sort(([, one], [, other]) => other - one))
  row(
    `  ${module}`,
    total.map((bytes) => Math.round((bytes * length) / source)),
  )
if (total.at(-1) > MAX_SIZE) {
  console.error(`The script has ${total.at(-1)} bytes with brotli, and at most ${MAX_SIZE} are allowed.`)
  process.exitCode = 1
}
