import { executeServerCommand } from '@web/test-runner-commands'
import type { GatewayConfig } from '../../../src/gateway/config/types.js'
import type { ClientFrame, ClientFrameOf } from '../../../src/protocol/index.js'

export interface GatewayRequest {
  config: GatewayConfig
  /** @default a free one */
  port?: number
  /** Auth params that its apps accept. */
  authParams?: Record<string, unknown>[]
}

export interface Connections {
  open: number
  /** How many connections there were since the gateway started. */
  total: number
}

/** Starts a real gateway with a memory engine. Resolves with its address. */
export const startGateway = (
  config: GatewayConfig,
  options: Omit<GatewayRequest, 'config'> = {},
): Promise<string> => executeServerCommand<string, GatewayRequest>('gateway:start', { config, ...options })

/** Closes the gateway at `url`. Resolves with false if there is none. */
export const stopGateway = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('gateway:stop', url)

export const connectionsAt = (url: string): Promise<Connections> =>
  executeServerCommand<Connections, string>('gateway:connections', url)

/** Cuts every connection at `url` without a close frame. */
export const cutConnections = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('gateway:cut', url)

/** The frames that a client sent on one connection, and the close code. */
export interface Recorded {
  start: ClientFrameOf<'start'> | null
  frames: ClientFrame[]
  close: number | null
}

/** Starts the scripted gateway, which records the frames of clients. Resolves with its address. */
export const startScripted = (): Promise<string> => executeServerCommand<string, unknown>('scripted:start')

export const recordedAt = (url: string): Promise<Recorded[]> =>
  executeServerCommand<Recorded[], string>('scripted:connections', url)

/** From now on the scripted gateway does not answer `history` frames. */
export const mute = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('scripted:mute', url)

/** Ends every connection of the scripted gateway with a code, and its close code. */
export const endScripted = (url: string, code: string, close: number): Promise<boolean> =>
  executeServerCommand<boolean, unknown>('scripted:end', { url, code, close })

/** Cuts the connections of the scripted gateway without a close frame. */
export const cutScripted = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('scripted:cut', url)

export const stopScripted = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('scripted:stop', url)
