/** Who is logged in is what the cookie says, as the query of /login said it. */
export const currentUser = ({ headers }) => {
  const values = new URL(`x:?${headers.cookie?.replace(/^user=/, '') ?? ''}`).searchParams
  return values.has('id') ? { id: values.get('id'), name: values.get('name') } : undefined
}
