// Prints the size of the scripts for a script tag, and the part of each module in the first. Fails if a script is too large.
import { readFile } from 'node:fs/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { rollup } from 'rollup'
import { firstScript, readIntegrity } from '../../rollup.config.mjs'

/**
 * The largest size of each script in bytes of brotli. The limits leave room for plain code: if a limit makes code worse, raise the limit.
 */
const limits = {
  'chat-session.js': 16_384,
  'chat-session-badge.js': 2_048,
  'chat-session-calls.js': 6_144,
  'chat-session-notifications.js': 4_096,
  'chat-session-stream.js': 6_144,
  'chat-window.js': 16_384,
  'chat-window-base.js': 3_072,
  'chat-window-launcher.js': 1_024,
  'chat-window-upload.js': 1_024,
  'chat-window-ar.js': 1_024,
  'chat-window-de.js': 1_024,
  'chat-window-es.js': 1_024,
  'chat-window-fr.js': 1_024,
  'chat-window-ja.js': 1_024,
}

const sizes = (bytes) => [
  bytes.length,
  gzipSync(bytes, { level: 9 }).length,
  brotliCompressSync(bytes).length,
]

/** Returns the length of each module's files without comments and blanks. The script's bytes are divided in that ratio. */
const byModule = async () => {
  const { plugins, input, output } = firstScript
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
  console.log(name.padEnd(32) + numbers.map((number) => String(number).padStart(10)).join(''))

row('bytes', ['minified', 'gzip', 'brotli', 'limit'])
/** A row for each script, above its parts: the first script, then the window's. */
const scriptOf = (file) => /^chat-(session|window)/.exec(file)[0]
const files = Object.keys(readIntegrity()).sort(
  (one, other) => scriptOf(one).localeCompare(scriptOf(other)) || one.length - other.length,
)
const nameOf = (file) => file.replace(/-\w{8}\.js$/, '.js')
const names = files.map(nameOf)
for (const name of Object.keys(limits).filter((limited) => !names.includes(limited))) {
  console.error(`${name} has a limit, but the build makes no such script.`)
  process.exitCode = 1
}
for (const file of files) {
  const name = nameOf(file)
  const total = sizes(await readFile(`dist/cdn/${file}`))
  row(name, [...total, limits[name]])
  if (!(total.at(-1) <= limits[name])) {
    console.error(`${name} has ${total.at(-1)} bytes with brotli, and at most ${limits[name]} are allowed.`)
    process.exitCode = 1
  }
  if (name !== 'chat-session.js') continue
  const modules = await byModule()
  const source = Object.values(modules).reduce((sum, length) => sum + length, 0)
  for (const [module, length] of Object.entries(modules).sort(([, one], [, other]) => other - one))
    row(
      `  ${module}`,
      total.map((bytes) => Math.round((bytes * length) / source)),
    )
}
