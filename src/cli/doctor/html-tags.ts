const NAMED: Readonly<Record<string, string>> = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' }

/**
 * Replaces the character references that templates write for quotes and other special characters. Otherwise the `;` of a reference would
 * end a directive of a policy.
 */
const decode = (text: string): string =>
  text.replace(
    /&(?:#x([\da-f]{1,5})|#(\d{1,6})|(amp|apos|gt|lt|quot));/gi,
    (_, hex?: string, decimal?: string, name = '') =>
      NAMED[String(name).toLowerCase()] ?? String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal)),
  )

/** Returns the attributes of a tag by name. It does not parse all HTML, only such tags as `doctor` looks for. */
const attributesOf = (tag: string): Map<string, string> =>
  new Map(
    // The pattern begins a name at its first letter only. Otherwise a long text without `=` would take a time that grows with the square
    // of its length.
    [...tag.matchAll(/(?<![\w-])([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g)].map(
      ([, name = '', double, single, bare]) => [name.toLowerCase(), decode(double ?? single ?? bare ?? '')],
    ),
  )

/** Returns the attributes of a page's first `most` tags of a name. It reads the page once, so that a hostile page can't keep it busy. */
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
