import { isIP } from 'node:net'
import type { Env } from '../config/values.js'

/** The proxy through which requests to backends, key servers and push services go. */
export interface Proxy {
  /** The environment variable that names the proxy. */
  readonly variable: string
  /** The proxy's URL. Never log it: it may have a user and a password. */
  readonly url: string
  /** The proxy's URL without user and password. */
  readonly origin: string
  /** Why the proxy can't be used; undefined if it can. */
  readonly problem?: string
}

/** The environment's proxy can't be used. The message says why, and has no part of the proxy's login. */
export class ProxyError extends Error {}

/** Returns a variable's value. The name in lower case wins, as in curl. An empty variable counts as absent. */
const read = (env: Env, name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined

/** Returns whether an entry of `NO_PROXY` covers a URL: `*`, or a name or an address, with a port or without one. */
const covers = (entry: string, { hostname, port }: URL): boolean => {
  if (entry === '*') return true
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const [, name = entry, entryPort] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? []
  if (entryPort !== undefined && entryPort !== (port || '443')) return false
  const wanted = name
    .replace(/^\[|\]$/g, '')
    .replace(/^\*?\./, '')
    .toLowerCase()
  return host === wanted || (wanted !== '' && isIP(host) === 0 && host.endsWith(`.${wanted}`))
}

/**
 * Returns the proxy for a URL by `HTTPS_PROXY`, else `HTTP_PROXY`, and `NO_PROXY` of the environment; undefined if the request goes direct. A
 * request by plain http goes direct, because it goes only to this machine.
 */
export const proxyFor = (url: string | URL, env: Env = process.env): Proxy | undefined => {
  const target = new URL(url)
  const variable = ['HTTPS_PROXY', 'HTTP_PROXY'].find((name) => read(env, name) !== undefined)
  if (target.protocol !== 'https:' || variable === undefined) return undefined
  const exempt = (read(env, 'NO_PROXY') ?? '').split(/[\s,]+/).filter(Boolean)
  if (exempt.some((entry) => covers(entry, target))) return undefined
  const given = (read(env, variable) ?? '').trim()
  const text = given.includes('://') ? given : `http://${given}`
  const { protocol, origin } = URL.canParse(text) ? new URL(text) : { protocol: '', origin: '' }
  if (protocol === 'http:' || protocol === 'https:') return { variable, url: text, origin }
  const problem = `${variable} must be the URL of a proxy, http://USER:PASSWORD@HOST:PORT; a login is optional`
  return { variable, url: '', origin: '', problem }
}

/** The part of the package undici that is used here. */
interface Undici {
  fetch: (url: string, init: object) => Promise<Response>
  ProxyAgent: new (url: string) => object
}

/** Loads the optional package. The compiler must not look for it, so its name is an argument. */
const load = (name: string): Promise<Undici> => import(name) as Promise<Undici>

let loading: Promise<Undici> | undefined

/** Rejects with a `ProxyError` if the package is missing. Only tests pass `loadPackage`. */
export const loadUndici = async (variable: string, loadPackage = load): Promise<Undici> => {
  loading ??= loadPackage('undici')
  try {
    return await loading
  } catch (cause) {
    loading = undefined
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new ProxyError(
      `${variable} is set, and requests through a proxy need the package undici; install it: npm install undici@7`,
      { cause },
    )
  }
}

/** The agents by the URL of their proxy. The environment hardly ever changes, so there is hardly ever more than one. */
const agents = new Map<string, object>()

const fetchThrough = async ({ variable, url: proxyUrl }: Proxy): Promise<typeof fetch> => {
  const { fetch: request, ProxyAgent } = await loadUndici(variable)
  const dispatcher = agents.get(proxyUrl) ?? new ProxyAgent(proxyUrl)
  agents.set(proxyUrl, dispatcher)
  return (url, init = {}) => request(url as string, { ...init, dispatcher })
}

/** Resolves with the function `fetch` for a URL, which uses the environment's proxy. Rejects with a `ProxyError` if the proxy can't be used. */
export const fetchFor = async (url: string): Promise<typeof fetch> => {
  const proxy = proxyFor(url)
  if (proxy?.problem !== undefined) throw new ProxyError(proxy.problem)
  // Bun's own `fetch` has proxies. Without `proxy: false` it would send requests to this machine through them, too.
  if (process.versions['bun'])
    return (input, init) => fetch(input, { ...init, proxy: proxy?.url ?? false } as RequestInit)
  return proxy ? fetchThrough(proxy) : fetch
}

/** Returns why requests can't be sent through this proxy; undefined if they can. */
export const problemOfProxy = async ({ variable, problem }: Proxy): Promise<string | undefined> => {
  if (problem !== undefined || process.versions['bun']) return problem
  try {
    await loadUndici(variable)
    return undefined
  } catch (error) {
    if (error instanceof ProxyError) return error.message
    throw error
  }
}

/** Returns the status with which a proxy has refused a connection; undefined for any other error. */
const refusalOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? (/^Proxy response \((\d+)\)/.exec(error.message)?.[1] ?? refusalOf(error.cause))
    : undefined

/** Returns what a failed request says of its proxy, such as ` through the proxy http://proxy:3128, which answered 403`; else an empty text. */
export const describeProxy = (url: string, error: unknown): string => {
  const proxy = proxyFor(url)
  if (!proxy) return ''
  const status = refusalOf(error)
  return ` through the proxy ${proxy.origin}${status === undefined ? '' : `, which answered ${status}`}`
}
