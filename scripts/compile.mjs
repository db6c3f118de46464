// Compiles TypeScript for Node, for a process that runs it once.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Makes a folder that is removed when this process exits. It is in the project's folder, so that packages are found, and not in
 * node_modules, where Node's test runner finds no files. Returns its path.
 */
export const compiledFolder = () => {
  const parent = fileURLToPath(new URL('../.compiled/', import.meta.url))
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'once-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Bundles modules into `.mjs` files. The options are those of esbuild's `build`. */
export const compile = (options) =>
  build({
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
    ...options,
  })
