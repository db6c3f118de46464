// Bundles the tests of web-test-runner, all of them once: a page loads a few scripts in place of some hundred modules.
import { readdirSync, readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '../../../scripts/compile.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Returns a file's path in URLs. */
const pathOf = (file) => `/${relative(root, file).split(sep).join('/')}`

/** Leaves `import.meta.url` what it is in a module that is served alone. */
const inPlace = {
  name: 'in place',
  setup({ onLoad }) {
    onLoad({ filter: /\.browser\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        /\bimport\.meta\.url\b/g,
        `(location.origin + ${JSON.stringify(pathOf(path))})`,
      ),
      loader: 'ts',
    }))
  },
}

/** Resolves with the scripts by their paths. */
const bundle = async () => {
  const tests = readdirSync(`${root}test`, { recursive: true }).filter((name) => name.endsWith('.browser.ts'))
  const { outputFiles } = await compile({
    absWorkingDir: root,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: root,
    outbase: root,
    write: false,
    platform: 'browser',
    target: 'es2022',
    packages: 'bundle',
    conditions: ['production', 'browser'],
    // The server makes it.
    external: ['/__web-dev-server__web-socket.js'],
    // As a server without a bundler does, it loads the modules that package.json lists without effects.
    ignoreAnnotations: true,
    sourcemap: 'inline',
    plugins: [inPlace],
  })
  return new Map(outputFiles.map(({ path, text }) => [pathOf(path), text]))
}

export const bundlePlugin = () => {
  const bundled = bundle()
  return {
    name: 'bundle',
    async serve({ path }) {
      const scripts = await bundled
      const script = path.replace(/\.browser\.ts$/, '.browser.mjs')
      if (!scripts.has(script)) return undefined
      return { body: script === path ? scripts.get(path) : `import ${JSON.stringify(script)}`, type: 'js' }
    },
  }
}
