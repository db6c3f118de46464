/** What CHANGELOG.md says of `version`: all below its heading, or undefined where it has none. */
export const sectionOf = (changelog, version) => {
  const [, ...sections] = changelog.split(/^## /m)
  const section = sections.find((text) => text.split(/[\s\]]/, 1)[0].replace('[', '') === version)
  return section?.slice(section.indexOf('\n')).trim()
}
