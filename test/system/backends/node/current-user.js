/** The logged-in user is the cookie's, which /login sets from its query. */
export const currentUser = ({ headers }) => {
  const values = new URL(`x:?${headers.cookie?.replace(/^user=/, '') ?? ''}`).searchParams
  return values.has('id') ? { id: values.get('id'), name: values.get('name') } : undefined
}
