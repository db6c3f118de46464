/** Attributes of a tag by name. Enough for the tags that `doctor` looks for. */
const attributesOf = (tag: string): Map<string, string> =>
  new Map(
    // A name is only tried from its first letter: a long text without `=` would take the square of its length otherwise.
    [...tag.matchAll(/(?<![\w-])([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g)].map(
      ([, name = '', double, single, bare]) => [name.toLowerCase(), double ?? single ?? bare ?? ''],
    ),
  )

/** Returns the attributes of a page's first `most` tags of a name. It reads the page once, whatever the page is made of. */
export const tagsOf = (html: string, name: string, most: number): Map<string, string>[] => {
  const found: Map<string, string>[] = []
  const openings = new RegExp(`<${name}(?![\\w-])`, 'gi')
  while (found.length < most) {
    const opening = openings.exec(html)
    const end = opening ? html.indexOf('>', openings.lastIndex) : -1
    if (!opening || end === -1) break
    found.push(attributesOf(html.slice(opening.index, end)))
    openings.lastIndex = end
  }
  return found
}
