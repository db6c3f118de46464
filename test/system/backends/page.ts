import { readFileSync } from 'node:fs'
import { chaptersOf } from '../../../src/cli/init/guide.js'

const page = readFileSync(new URL('../../../docs/BACKENDS.md', import.meta.url), 'utf8')

export const chapters = chaptersOf(page)

/** The number of fenced code blocks on the page. */
export const fences = page.match(/^```\w+$/gm)?.length ?? 0
