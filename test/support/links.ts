// The relative links of pages in Markdown.
import { access, readFile } from 'node:fs/promises'

/** The page without its code blocks, which may have lines that look like headings and links. */
const withoutCode = (markdown: string): string => markdown.replaceAll(/^( *)```.*?^\1```$/gms, '')

const headingsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)

/** The anchors that GitHub gives a page's headings. Of equal headings the second has `-1` appended. */
const anchorsOf = (markdown: string): Set<string> => {
  const anchors = new Set<string>()
  for (const heading of headingsOf(markdown)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let number = 1; anchors.has(anchor); number++) anchor = `${slug}-${number}`
    anchors.add(anchor)
  }
  return anchors
}

/** The relative targets of a page's links and pictures. */
export const targetsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => link ?? attribute ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:|^\//.test(target))

const REPOSITORY = /^https:\/\/github\.com\/chat-session\/chat-session\/(?:blob|tree)\/main\//

/** The targets of a page's links into the project's repository, as paths below its root. The package lacks some of these files. */
export const repositoryTargetsOf = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => REPOSITORY.test(link))
    .map((link) => link.replace(REPOSITORY, ''))

/** The problem of a link on the page at `path` below `root`; undefined if the link resolves. */
export const problemOf = async (root: URL, path: string, target: string): Promise<string | undefined> => {
  const [, file = '', anchor] = /^([^#]*)(?:#(.*))?$/.exec(target) ?? []
  const url = file ? new URL(file, new URL(path, root)) : new URL(path, root)
  const isThere = await access(url).then(
    () => true,
    () => false,
  )
  if (!isThere) return `${path}: there is no ${target}`
  if (anchor === undefined) return undefined
  return anchorsOf(await readFile(url, 'utf8')).has(anchor)
    ? undefined
    : `${path}: ${target} has no such heading`
}
