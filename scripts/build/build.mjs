// Builds dist/: the modules by tsc, the scripts for a script tag by rollup, and their compressed files. It makes only what has changed since
// the last build, if anything has.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { transform } from 'esbuild'
import { buildLibrary } from './lua.mjs'
import { hashSources, remaining, stamp } from './stamp.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
// The library stands beside its sources, so it is made first.
const library = await buildLibrary()
const sources = await hashSources(root)
const work = await remaining(root, sources)
if (work === 'nothing') process.exit()
if (work === 'all') await rm(join(root, 'dist'), { recursive: true, force: true })

const run = async (command, ...args) => {
  try {
    await promisify(execFile)('node', [`node_modules/${command}`, ...args])
  } catch ({ stdout, stderr }) {
    process.stderr.write(stdout + stderr)
    process.exit(1)
  }
}

const compressors = {
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  gz: (bytes) => promisify(gzip)(bytes, { level: 9 }),
}

/** Removes a module's indentation, unless that would change more than the look: a template may have lines that begin with spaces. */
const removeIndentation = async (code) => {
  const short = code.replace(/^ +/gm, '')
  const [before, after] = await Promise.all(
    [code, short].map((text) => transform(text, { minifyWhitespace: true })),
  )
  return before.code === after.code ? short : code
}

/** Removes the comments of the modules in a folder. esbuild alone leaves those of the members of classes and objects. */
const stripComments = async (folder) => {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.js'))
  await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name)
      const { code } = await transform(await readFile(file, 'utf8'), { charset: 'utf8' })
      await writeFile(file, await removeIndentation(code.replace(/^ +\/\*\*[^]*?\*\/\n/gm, '')))
    }),
  )
}

await run(
  '@typescript/native/bin/tsc',
  '-b',
  'src/protocol',
  'src/tsconfig.browser.json',
  'src/tsconfig.server.json',
  'src/engine/redis/scripts',
)
// With their comments and their indentation an install would be larger than 20 MB. The comments of public names are in the types.
await stripComments('dist')
// The script of a part that is no more would stay.
await rm('dist/cdn', { recursive: true, force: true })
const bundled = run('../scripts/build/bundle.mjs')
const { configTypes } = await import('./config-types.mjs')
await writeFile('dist/gateway/config/types.d.ts', await configTypes())
// tsc does not copy declaration files.
for (const framework of ['react', 'vue', 'svelte', 'solid', 'preact'])
  await copyFile(`src/typings/${framework}.d.ts`, `dist/typings/${framework}.d.ts`)
await copyFile(library, 'dist/engine/redis/library.lua')
const { openApiDocument } = await import('../../dist/gateway/rest/openapi.js')
await writeFile('dist/gateway/rest/openapi.json.gz', await compressors.gz(JSON.stringify(openApiDocument())))
const { restTypes } = await import('./rest-types.mjs')
const operations = await readFile('dist/rest-client/operations.d.ts', 'utf8')
await writeFile('dist/rest-client/calls.d.ts', await restTypes(openApiDocument(), operations))
// The description of the element for editors and other tools.
await import('./manifest.mjs')
await import('./editor-data.mjs')
/** The files of each page that are not bundled. All pages have the shared ones. */
const pages = {
  playground: ['index.html', 'src/pages/playground/playground.css'],
  console: ['src/pages/console/index.html', 'src/pages/console/console.css'],
  api: ['src/pages/api/index.html', 'src/pages/api/page.css'],
}
for (const [page, files] of Object.entries(pages)) {
  await mkdir(`dist/pages/${page}`, { recursive: true })
  for (const file of [...files, 'src/pages/shared/base.css', 'src/pages/shared/icon.svg'])
    await copyFile(file, `dist/pages/${page}/${basename(file)}`)
}
await bundled
// It imports the compiler, which a build that has nothing to do doesn't need.
const { readIntegrity } = await import('../../rollup.config.mjs')
const scripts = [...Object.keys(readIntegrity()), 'chat-session-worker.js']
const maps = (await readdir('dist/cdn')).filter((name) => name.endsWith('.map'))
for (const name of [...scripts, ...maps])
  await writeFile(`dist/cdn/${name}.br`, await compressors.br(await readFile(`dist/cdn/${name}`)))
await stamp(root, sources)
