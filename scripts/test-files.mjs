// Which test files a command of package.json runs. scripts/test.mjs, scripts/test-bun.mjs and test/system/package/commands.test.ts read it.
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const isTest = (name) => name.endsWith('.test.ts')

/** Returns the files of one folder whose name fits `pattern`, which has one `*`. */
const matching = (folder, pattern) => {
  const [before, after] = pattern.split('*')
  return readdirSync(folder)
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => join(folder, name))
}

/**
 * Returns the test files at `paths`, sorted. A path is a folder with everything below it, a file, or a file name with a `*`, which is
 * read here because not every shell expands it. Throws if a path has no test, since a command with a wrong path would look green.
 */
export const testFiles = (paths) => {
  const found = paths.flatMap((path) => {
    const files = (
      path.includes('*')
        ? matching(dirname(path), basename(path))
        : statSync(path).isDirectory()
          ? readdirSync(path, { recursive: true }).map((name) => join(path, name))
          : [path]
    ).filter(isTest)
    if (files.length === 0) throw new Error(`There are no tests at ${path}.`)
    return files
  })
  return [...new Set(found)].sort()
}
