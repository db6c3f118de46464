import { readFileSync } from 'node:fs'

export interface Block {
  /** The file that the paragraph above it names first, if it names one. */
  file: string | undefined
  /** That paragraph. */
  said: string
  code: string
}

const page = readFileSync(new URL('../../docs/BACKENDS.md', import.meta.url), 'utf8')

/** The page's chapters by their headings, as the blocks that they show. */
export const chapters = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((chapter): [string, Block[]] => [
      chapter.slice(0, chapter.indexOf('\n')),
      [...chapter.matchAll(/([^\n]+(?:\n[^\n]+)*)\n\n```\w+\n(.*?)^```$/gms)].map(
        ([, said = '', code = '']) => ({
          file: /`([\w./-]+\.\w+)`/.exec(said)?.[1],
          said: said.replaceAll(/\s+/g, ' '),
          code,
        }),
      ),
    ]),
)

/** Blocks as they are counted by their fences alone. */
export const fences = page.match(/^```\w+$/gm)?.length ?? 0
