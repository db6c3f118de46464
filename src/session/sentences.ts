/** Returns a URL without what may be secret in it. */
const withoutQuery = (url: string | URL): string => String(url).replace(/[?#].*/, '')

/** What errors without a code say, and lines of the console. The script-tag build replaces this module by one with words in place of sentences. */
export const sentences = {
  badEndpoint: 'The endpoint is no http or ws address, or it has a password.',
  badId: 'A user id is text, or a safe integer.',
  badSince: (text: string): string => `chat-session: since is no EPOCH/OFFSET: ${text}`,
  badToken: 'A token is text.',
  lateAnswer: 'respondWith() is too late.',
  lateToken: 'The token source did not answer in time.',
  noToken: (status: number): string =>
    `The token URL answered ${status} without a token: answer 200 with the token as text or in JSON, or 401 if the user is signed out.`,
  /** Node shows where a redirect leads, and browsers hide it. */
  redirected(url: string | URL, { headers }: Response): string {
    const target = headers.get('location')
    const place = target === null ? '' : ` to ${withoutQuery(target)}`
    return `chat-session: ${withoutQuery(url)} redirects${place}. A redirect counts as signed out: give the address that answers with the token itself.`
  },
}
