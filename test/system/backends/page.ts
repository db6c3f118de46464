import { readFileSync } from 'node:fs'

export interface Block {
  /** The first file that the paragraph above the block names, if it names a file. */
  file: string | undefined
  /** The paragraph above the block. */
  paragraph: string
  code: string
}

const page = readFileSync(new URL('../../../docs/BACKENDS.md', import.meta.url), 'utf8')

/** The code blocks of each chapter of the page, by its heading. */
export const chapters = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((chapter): [string, Block[]] => [
      chapter.slice(0, chapter.indexOf('\n')),
      [...chapter.matchAll(/([^\n]+(?:\n[^\n]+)*)\n\n```\w+\n(.*?)^```$/gms)].map(
        ([, paragraph = '', code = '']) => ({
          file: /`([\w./-]+\.\w+)`/.exec(paragraph)?.[1],
          paragraph: paragraph.replaceAll(/\s+/g, ' '),
          code,
        }),
      ),
    ]),
)

/** The number of fenced code blocks on the page. */
export const fences = page.match(/^```\w+$/gm)?.length ?? 0
