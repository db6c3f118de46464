/** Returns a URL without what may be secret in it. */
const withoutQuery = (url: string | URL): string => String(url).replace(/[?#].*/, '')

/**
 * Writes to the console that a redirect of the token URL counts as signed out, and where it leads. A browser shows that only to a request
 * that follows the redirect, and that the other site allows.
 */
export const reportRedirect = async (url: string | URL): Promise<void> => {
  const target = await fetch(url, { credentials: 'include' }).then(
    (followed) => withoutQuery(followed.url),
    () => 'a page that could not be fetched',
  )
  console.info(
    `<chat-session> token-url ${withoutQuery(url)} redirects to ${target}. A redirect counts as signed out: give the address that answers with the token itself.`,
  )
}
