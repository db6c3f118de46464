import { readFileSync } from 'node:fs'
import { chaptersOf } from '../../../src/cli/init/guide.js'

const page = readFileSync(new URL('../../../docs/BACKENDS.md', import.meta.url), 'utf8')

export const chapters = chaptersOf(page)

/** The number of fenced code blocks on the page. */
export const fences = page.match(/^```\w+$/gm)?.length ?? 0

const webhooks = readFileSync(new URL('../../../docs/WEBHOOKS.md', import.meta.url), 'utf8')

/** The chapter of docs/WEBHOOKS.md about verifying a request. */
export const [, verifying = ''] = webhooks.split('\n## Verify a request\n')

/** The code of each file that the chapter shows. */
export const verifiers = new Map(
  [
    ...(verifying.split('\n## ')[0] ?? '').matchAll(
      /^`([\w-]+\.\w+)`[^\n]*(?:\n[^\n]+)*:\n\n```\w+\n(.*?)^```$/gms,
    ),
  ].map(([, file = '', code = '']) => [file, code]),
)
