// Which test files a command of package.json runs. scripts/test.mjs, scripts/test-bun.mjs and test/system/package/commands.test.ts read it.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const isTest = (name) => name.endsWith('.test.ts')

/**
 * Returns the test files at `paths`, sorted. A path is a file, or a folder with everything below it. Throws without a path, and if a path
 * has no test, since a command with a wrong path would look green.
 */
export const testFiles = (paths) => {
  if (paths.length === 0) throw new Error('Name the test files, or folders of tests.')
  const found = paths.flatMap((path) => {
    const files = (
      statSync(path).isDirectory()
        ? readdirSync(path, { recursive: true }).map((name) => join(path, name))
        : [path]
    ).filter(isTest)
    if (files.length === 0) throw new Error(`There are no tests at ${path}.`)
    return files
  })
  return [...new Set(found)].sort()
}
