import * as v from 'valibot'
import { withoutLineBreak } from '../../tokens/internal.js'
import { integer, isObject, object, pathItem, pemFile, text } from './fields.js'
import { secretText } from './secrets.js'
import type { Env } from './values.js'

const ENGINES = 'must be "memory", "embedded" or "redis"'
const LOGIN_RULE = 'or rediss: for TLS; a login is optional, and there are no options after a ?'
const REDIS_URL_RULE = `must be redis://USER:PASSWORD@HOST:PORT/DATABASE with the number of a database, ${LOGIN_RULE}`
const SERVER_URL_RULE = `must be redis://USER:PASSWORD@HOST:PORT without a database, ${LOGIN_RULE}`
const ONE_WAY = 'a redis engine has one of url, sentinels (with name) and cluster'

const isRedisUrl =
  (path: RegExp) =>
  (given: string): boolean => {
    if (!URL.canParse(given)) return false
    const { protocol, hostname, pathname, search, hash, username, password } = new URL(given)
    try {
      for (const part of [username, password]) decodeURIComponent(part)
    } catch {
      return false
    }
    const isRedis = protocol === 'redis:' || protocol === 'rediss:'
    return isRedis && hostname !== '' && path.test(pathname) && search === '' && hash === ''
  }

const redisUrl = (env: Env) => v.pipe(secretText(env), v.check(isRedisUrl(/^\/?\d{0,4}$/), REDIS_URL_RULE))

const SERVERS = 'must be a list of one or more URLs'

const asksForTls = (url: string): boolean => new URL(url).protocol === 'rediss:'

/** Returns the login and the scheme of a URL, which must be equal in all URLs of a list. */
const loginOf = (url: string): string => {
  const { protocol, username, password } = new URL(url)
  return JSON.stringify([protocol, username, password])
}

const serverUrls = (env: Env) =>
  v.optional(
    v.pipe(
      v.array(v.pipe(secretText(env), v.check(isRedisUrl(/^\/?$/), SERVER_URL_RULE)), SERVERS),
      v.minLength(1, SERVERS),
      v.check(
        (urls) => new Set(urls.map(loginOf)).size === 1,
        'must have the same scheme, user and password in each URL',
      ),
    ),
  )

const file = v.optional(pemFile)

const tlsFiles = object(
  {
    /** A PEM file of certificate authorities to trust, in place of Node's own list. */
    ca: file,
    /** A PEM file: the gateway's certificate, if Redis asks for one. */
    cert: file,
    /** A PEM file: the private key of this certificate. */
    key: file,
  },
  {
    check: ({ cert, key }) =>
      (cert === undefined) === (key === undefined) ? [] : [{ message: 'cert and key are given together' }],
  },
)

const tls = v.optional(
  v.lazy((value) =>
    isObject(value) ? tlsFiles : v.boolean('must be true, false, or an object of PEM files'),
  ),
)

const noFolder = v.optional(v.never('only an embedded engine has a folder: leave it out'))

export const embedded = object({
  /** `embedded`, `memory` or `redis`. */
  type: v.optional(v.literal('embedded', ENGINES), 'embedded'),
  /** The folder of `embedded`, from the working directory. Only one process at a time can use it. */
  path: v.optional(text('the name of a folder'), './data'),
  /** Of `embedded`: about how many bytes of memory its cache of inboxes, their peers and senders' profiles may take. */
  cacheBytes: v.optional(integer(2 ** 20, 2 ** 40), 64 * 2 ** 20),
})

export const memory = object({ type: v.literal('memory'), path: noFolder })

export const redisSchema = (env: Env) =>
  v.pipe(
    object(
      {
        type: v.literal('redis'),
        /**
         * One Redis: `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss:` for TLS; without options after a `?`. It can be
         * `{ "env": "NAME" }`. The environment variable `REDIS_URL` overrides it.
         */
        url: v.pipe(
          v.optional(redisUrl(env)),
          v.transform((url) => redisUrlOf(env) ?? url),
        ),
        /**
         * In place of `url`: the URLs of Redis Sentinels, which know the master. The Redis servers have the same user and password as the
         * Sentinels.
         */
        sentinels: serverUrls(env),
        /** With `sentinels`: the master's name in their config. */
        name: v.optional(text("the name of the master in the Sentinels' config")),
        /** In place of `url`: the URLs of some servers of a cluster, all with the same user and password. */
        cluster: serverUrls(env),
        /** What the names of all keys in Redis begin with. Gateways with the same prefix share their data. */
        prefix: v.optional(
          v.pipe(
            text('a text that is not blank'),
            v.regex(/^[^{}\s\p{Cc}]{1,64}$/u, 'must be 1 to 64 characters without spaces, { and }'),
          ),
          'chat-session:',
        ),
        /** `true`, or an object with the keys below. Without it, `rediss:` in a URL turns TLS on. */
        tls,
        path: noFolder,
      },
      {
        check({ url, sentinels, name, cluster }) {
          const given = [url ?? redisUrlOf(env), sentinels, cluster].filter((each) => each !== undefined)
          if (given.length === 0)
            return [{ message: `${ONE_WAY}: give one, or the environment variable REDIS_URL` }]
          if (given.length > 1)
            return [
              { message: `${ONE_WAY}: give no other${url === undefined ? ' while REDIS_URL is set' : ''}` },
            ]
          if (sentinels !== undefined && name === undefined)
            return [
              { key: 'name', message: "is missing: the Sentinels' config says which name the master has" },
            ]
          return sentinels === undefined && name !== undefined
            ? [{ key: 'name', message: 'belongs to sentinels: leave it out' }]
            : []
        },
      },
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || dataset.value.tls !== false) return
      const { url, sentinels = [], cluster = [] } = dataset.value
      if ([url ?? [], sentinels, cluster].flat().some(asksForTls))
        addIssue({
          message: 'is false, but a URL begins with rediss: change one of them',
          path: [pathItem('tls')],
        })
    }),
  )

/** Returns the environment's `REDIS_URL`, which overrides `engine.url`. An empty variable counts as absent. */
const redisUrlOf = (env: Env): string | undefined =>
  (Object.hasOwn(env, 'REDIS_URL') && withoutLineBreak(env['REDIS_URL'] ?? '')) || undefined

/** Returns the problem of the environment's `REDIS_URL`, if a redis engine would use it. */
export const redisUrlProblem = (engine: unknown, env: Env): string | undefined => {
  const url = isObject(engine) && engine['type'] === 'redis' ? redisUrlOf(env) : undefined
  return url === undefined || isRedisUrl(/^\/?\d{0,4}$/)(url)
    ? undefined
    : `REDIS_URL: the environment variable ${REDIS_URL_RULE}`
}

/** Returns the schema of `engine`. `REDIS_URL`, and each text that is given as `{ env: NAME }`, are read from `env`. */
export const engineSchema = (env: Env) => {
  const redisEngine = redisSchema(env)
  return v.lazy((value) => {
    const type = isObject(value) ? value['type'] : undefined
    return type === 'memory' ? memory : type === 'redis' ? redisEngine : embedded
  })
}
