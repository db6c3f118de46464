/** Returns a URL without what may be secret in it. */
const withoutQuery = (url: string | URL): string => String(url).replace(/[?#].*/, '')

/** Writes to the console that a redirect of the token URL counts as signed out. Node shows where it leads, and browsers hide it. */
export const reportRedirect = (url: string | URL, { headers }: Response): void => {
  const target = headers.get('location')
  const place = target === null ? '' : ` to ${withoutQuery(target)}`
  console.info(
    `<chat-session> token-url ${withoutQuery(url)} redirects${place}. A redirect counts as signed out: give the address that answers with the token itself.`,
  )
}
