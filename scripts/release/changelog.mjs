/** Returns the section of `version` in CHANGELOG.md without its heading, or undefined if there is none. */
export const sectionOf = (changelog, version) => {
  const [, ...sections] = changelog.split(/^## /m)
  const section = sections.find((text) => text.split(/[\s\]]/, 1)[0].replace('[', '') === version)
  return section?.slice(section.indexOf('\n')).trim()
}
