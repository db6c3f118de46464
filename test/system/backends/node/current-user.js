/** The logged-in user is the cookie's, which /login sets from its query. Sites ask a database, so the function is async. */
export const currentUser = async ({ headers }) => {
  // Node's requests have an object of headers, and the Web's have `Headers`.
  const cookie = typeof headers.get === 'function' ? headers.get('cookie') : headers.cookie
  const values = new URL(`x:?${cookie?.replace(/^user=/, '') ?? ''}`).searchParams
  return values.has('id') ? { id: values.get('id'), name: values.get('name') } : undefined
}
