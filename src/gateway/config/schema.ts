import * as v from 'valibot'
import { isAppId } from '../../protocol/index.js'
import { adminSchema, hostName, port } from './admin.js'
import { appSchema } from './app.js'
import { engineSchema } from './engine.js'
import { integer, isObject, object, orNull, pathItem, pemFile, seconds } from './fields.js'
import { defaultConnections } from './open-files.js'
import type { Env } from './values.js'

const tls = object({
  /** The file of the certificate chain. */
  cert: pemFile,
  /** The file of the private key. */
  key: pemFile,
})

/** The most bytes of the path of a Unix socket that macOS takes. Linux takes four more. */
const MAX_PATH = 103
const pathRule = `must be the path of a Unix socket, of ${MAX_PATH} bytes at most`
const modeRule = 'must be the permissions of a file as text, such as "0660"'

export const listen = object(
  {
    /** The name or IP address to listen on. `0.0.0.0` or `::` listens on every interface. */
    host: v.optional(hostName, '127.0.0.1'),
    /** 0 takes a free port. The environment variable `PORT` overrides it. */
    port: v.optional(port, 8080),
    /** The path of a Unix socket to listen on, in place of `host`, `port` and `PORT`. At most 103 bytes. */
    path: orNull(
      v.pipe(
        v.string(pathRule),
        v.regex(/^[^\0]*[^\s\0][^\0]*$/, pathRule),
        v.check((path) => Buffer.byteLength(path) <= MAX_PATH, pathRule),
      ),
    ),
    /** The permissions of the file at `listen.path`, in octal. Who may write to it may connect. */
    mode: v.pipe(
      v.optional(v.pipe(v.string(modeRule), v.regex(/^0?[0-7]{3}$/, modeRule)), '0660'),
      v.transform((mode) => Number.parseInt(mode, 8)),
    ),
    /** How many proxies in front append to `X-Forwarded-For`. With 0 the gateway ignores the header. 0 to 32. */
    trustProxy: v.optional(integer(0, 32), 0),
    /** TLS, with two PEM files. Without it the gateway speaks plain HTTP, for a proxy that ends TLS. */
    tls: orNull(tls),
  },
  {
    check: (given) =>
      'path' in given
        ? ['host', 'port']
            .filter((key) => key in given)
            .map((key) => ({ key, message: 'counts for nothing beside listen.path: leave it out' }))
        : 'mode' in given
          ? [{ key: 'mode', message: 'is of the file of listen.path, which is missing' }]
          : [],
  },
)

export const limits = object({
  /** Open connections in all. The rest of the open files is for the engine. From 1. */
  connections: v.pipe(
    v.optional(integer(1, 10_000_000), defaultConnections),
    v.description('three quarters of the open-file limit'),
  ),
  /** Open connections of one IP address. From 1. */
  connectionsPerAddress: v.optional(integer(1, 10_000_000), 5_000),
  /** New connections of one IP address in a second. From 1. */
  connectionsPerSecondPerAddress: v.optional(integer(1, 1_000_000), 1_000),
})

type AppSchema = ReturnType<typeof appSchema>

/** Returns the schema of the apps by app id. The result is a map, because `constructor` may be an app id. */
const appsSchema = (app: AppSchema) =>
  v.pipe(
    v.custom<Record<string, v.InferInput<AppSchema>>>(
      (apps) => isObject(apps) && Object.keys(apps).length > 0,
      'must be an object with one app or more, each under its app id',
    ),
    v.rawTransform<Record<string, v.InferInput<AppSchema>>, ReadonlyMap<string, AppSettings>>(
      ({ dataset, addIssue }) => {
        const apps = new Map<string, AppSettings>()
        for (const [appId, value] of Object.entries(dataset.value)) {
          if (!isAppId(appId))
            addIssue({
              message: 'an app id is 1 to 64 of letters, digits, - and _',
              path: [pathItem(appId)],
            })
          const result = v.safeParse(app, value, { abortPipeEarly: true })
          if (result.success) apps.set(appId, { appId, ...result.output })
          else
            for (const { message, path = [] } of result.issues)
              addIssue({ message, path: [pathItem(appId), ...path] })
        }
        return apps
      },
    ),
  )

/** Returns the schema of a whole config. Secrets are read from `env`. */
export const configSchema = (env: Env) =>
  object({
    /** Where the gateway listens, when it makes its own HTTP server. */
    listen: v.optional(listen, {}),
    /** A second listener, for operators: metrics and the console. */
    admin: orNull(adminSchema(env)),
    /** The engine that stores users, sessions and messages. Left out: `embedded`. */
    engine: v.optional(engineSchema(env), {}),
    /** Seconds between two pings. A connection without a frame for two intervals is closed as `timeout`. 0.01 to 3600. */
    pingInterval: v.optional(seconds(0.01, 3600), 25),
    /** Seconds that a new connection may take to prove its user. If a start has waited for others, the time begins again. 0.01 to 300. */
    startTimeout: v.optional(seconds(0.01, 300), 10),
    /** Seconds that a session stays after its connection was lost. 0 to 86,400. */
    resumeWindow: v.optional(seconds(0, 86_400), 120),
    /** Seconds that a session stays after its page was left. 0 to 86,400. */
    leaveWindow: v.optional(seconds(0, 86_400), 20),
    /** Seconds in which a message that is sent again with the same id is not stored again. 1 to 604,800. */
    sendWindow: v.optional(seconds(1, 604_800), 3600),
    /** The most seconds that a drain waits until the frames that clients have sent are answered. 0.1 to 3600. */
    drainTime: v.optional(seconds(0.1, 3600), 20),
    /** Limits on the connections of the process, over all apps. */
    limits: v.optional(limits, {}),
    /** The apps by id, at least one. An id is 1 to 64 characters: letters, digits, `-` and `_`. */
    apps: appsSchema(appSchema(env)),
  })

/** The settings of an app, with defaults and secrets filled in. Durations are in milliseconds. */
export type AppSettings = v.InferOutput<AppSchema> & { appId: string }

/** The config with its defaults and secrets filled in. Durations are in milliseconds. Never log it. */
export type Settings = v.InferOutput<ReturnType<typeof configSchema>>
