// The types of the config, as the compiler infers them from the schemas. The build writes them out as interfaces, with the docstrings and
// the defaults of the rows (scripts/build/config-types.mjs).
import type { InferInput } from 'valibot'
import type { adminSchema } from './admin.js'
import type { appSchema, limits as appLimits, retention } from './app.js'
import type { embedded, memory, redisSchema } from './engine.js'
import type { authenticateUrl, authorizeSendUrl, webhooks } from './outbound-requests.js'
import type { push } from './push.js'
import type { configSchema, limits, listen } from './schema.js'

export type * from './values.js'

/** The config, in a JSON file or a module. Durations are in seconds. */
export type GatewayConfig = InferInput<ReturnType<typeof configSchema>>
export type ListenConfig = InferInput<typeof listen>
/** The listener for operators. Each token has 32 ASCII characters or more, without a space or a line break at its ends. */
export type AdminConfig = InferInput<ReturnType<typeof adminSchema>>
/** Keeps everything in memory, and loses it when the process stops. */
export type MemoryEngineConfig = InferInput<typeof memory>
/** Keeps everything in a folder. The default. */
export type EmbeddedEngineConfig = InferInput<typeof embedded>
/**
 * Keeps everything in a Redis, which several gateways can share. Clients see these gateways as one. Needs the package ioredis. Give one of
 * `url`, `sentinels` with `name`, and `cluster`. A URL is `redis://USER:PASSWORD@HOST:PORT`, or `rediss:` for TLS; user and password can be
 * left out.
 */
export type RedisEngineConfig = InferInput<ReturnType<typeof redisSchema>>
export type EngineConfig = MemoryEngineConfig | EmbeddedEngineConfig | RedisEngineConfig
/** Limits on the connections of the process, over all apps. */
export type LimitsConfig = InferInput<typeof limits>
export type AppConfig = InferInput<ReturnType<typeof appSchema>>
export type AuthenticateUrlConfig = InferInput<ReturnType<typeof authenticateUrl>>
export type AuthorizeSendUrlConfig = InferInput<ReturnType<typeof authorizeSendUrl>>
export type WebhooksConfig = InferInput<ReturnType<typeof webhooks>>
/** Web Push (RFC 8030, 8291, 8292). */
export type PushConfig = InferInput<ReturnType<typeof push>>
/** How much each inbox keeps. Messages beyond any of these limits are deleted, the oldest first. */
export type RetentionConfig = InferInput<typeof retention>
export type AppLimitsConfig = InferInput<typeof appLimits>

/** A config, or a function that reads it. A reload that can't read the config counts as failed. */
export type ConfigSource = GatewayConfig | (() => Promise<GatewayConfig>)
