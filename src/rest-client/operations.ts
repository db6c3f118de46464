/** Where each call goes, and the status of its success if that has no body. */
export const operations = {
  endUserSessions: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/sessions',
    query: ['issuedBefore', 'mode'],
  },
  listUserSessions: {
    method: 'GET',
    path: '/v1/apps/{app}/users/{user}/sessions',
    query: ['limit', 'cursor'],
  },
  liftRevocation: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/revocation',
    query: [],
    emptyStatus: 204,
  },
  endSession: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/sessions/{session}',
    query: [],
    emptyStatus: 204,
  },
  revokeToken: { method: 'DELETE', path: '/v1/apps/{app}/tokens/{jti}', query: [], emptyStatus: 204 },
  endAppSessions: { method: 'DELETE', path: '/v1/apps/{app}/sessions', query: ['issuedBefore', 'mode'] },
  putUser: { method: 'PUT', path: '/v1/apps/{app}/users/{user}', query: [] },
  getUser: { method: 'GET', path: '/v1/apps/{app}/users/{user}', query: [] },
  deleteUser: { method: 'DELETE', path: '/v1/apps/{app}/users/{user}', query: ['issuedBefore'] },
  listUsers: { method: 'GET', path: '/v1/apps/{app}/users', query: ['limit', 'cursor'] },
  getUsersStatus: { method: 'POST', path: '/v1/apps/{app}/users:status', query: [] },
  adoptGuest: { method: 'POST', path: '/v1/apps/{app}/users/{user}/adopt', query: [] },
  sendMessage: { method: 'POST', path: '/v1/apps/{app}/users/{user}/messages', query: [] },
  listMessages: {
    method: 'GET',
    path: '/v1/apps/{app}/users/{user}/messages',
    query: ['after', 'before', 'with', 'limit', 'cursor'],
  },
  sendMessages: { method: 'POST', path: '/v1/apps/{app}/messages', query: [] },
  sendSignal: { method: 'POST', path: '/v1/apps/{app}/users/{user}/signals', query: [], emptyStatus: 202 },
  markRead: { method: 'POST', path: '/v1/apps/{app}/users/{user}/read', query: [] },
  listPeers: { method: 'GET', path: '/v1/apps/{app}/users/{user}/peers', query: ['limit', 'before'] },
  listPushSubscriptions: { method: 'GET', path: '/v1/apps/{app}/users/{user}/push', query: [] },
  endPushSubscription: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/push/{id}',
    query: [],
    emptyStatus: 204,
  },
  getUsage: { method: 'GET', path: '/v1/apps/{app}/usage', query: [] },
} as const satisfies Record<
  string,
  { method: string; path: string; query: readonly string[]; emptyStatus?: number }
>

export type CallId = keyof typeof operations

/** The names of the parameters in a path. */
export type PathParam<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParam<Rest>
  : never
