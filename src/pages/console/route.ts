/** The pages of the console. Those with an `appId` show one app. */
export type Route =
  | { page: 'overview' }
  | { page: 'token' }
  | { page: 'sessions' | 'users' | 'webhooks'; appId: string }
  | { page: 'user'; appId: string; userId: string }

const decode = (part: string): string | null => {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

/** Returns the route of a URL's fragment; the overview for an unknown fragment. */
export const parseRoute = (hash: string): Route => {
  const [first, appId, page, userId] = hash.replace(/^#\/?/, '').split('/').map(decode)
  if (first === 'token') return { page: 'token' }
  if (first !== 'apps' || !appId) return { page: 'overview' }
  if (page === 'users' && userId) return { page: 'user', appId, userId }
  if (page === 'sessions' || page === 'users' || page === 'webhooks') return { page, appId }
  return { page: 'overview' }
}

export const linkTo = (route: Route): string => {
  if (route.page === 'overview' || route.page === 'token') return `#/${route.page}`
  const app = `#/apps/${encodeURIComponent(route.appId)}`
  return route.page === 'user' ? `${app}/users/${encodeURIComponent(route.userId)}` : `${app}/${route.page}`
}

/** Returns the path of an app in the API, or of one of its users. */
export const apiPath = (appId: string, userId?: string): string =>
  `/apps/${encodeURIComponent(appId)}${userId === undefined ? '' : `/users/${encodeURIComponent(userId)}`}`
