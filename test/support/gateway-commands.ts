import { executeServerCommand } from '@web/test-runner-commands'
import type { GatewayConfig } from '../../src/gateway/config/types.js'
import type { ClientFrame, ClientFrameOf } from '../../src/protocol/index.js'

export interface GatewayRequest {
  config: GatewayConfig
  /** @default a free one */
  port?: number
  /** Its apps let in who brings any of these. */
  authParams?: Record<string, unknown>[]
}

export interface Connections {
  open: number
  /** Since the gateway started. */
  total: number
}

/** Starts a real gateway with a memory engine; answers its address. */
export const startGateway = (
  config: GatewayConfig,
  options: Omit<GatewayRequest, 'config'> = {},
): Promise<string> => executeServerCommand<string, GatewayRequest>('gateway:start', { config, ...options })

/** Closes the gateway at `url`; false when there is none. */
export const stopGateway = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('gateway:stop', url)

export const connectionsAt = (url: string): Promise<Connections> =>
  executeServerCommand<Connections, string>('gateway:connections', url)

/** Cuts every connection at `url`, without a word. */
export const cutConnections = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('gateway:cut', url)

/** What a client said on one connection, and the code it closed it with. */
export interface Recorded {
  start: ClientFrameOf<'start'> | null
  frames: ClientFrame[]
  close: number | null
}

/** Starts a gateway of a few lines that resumes by key and records what clients say; answers its address. */
export const startScripted = (): Promise<string> => executeServerCommand<string, unknown>('scripted:start')

export const recordedAt = (url: string): Promise<Recorded[]> =>
  executeServerCommand<Recorded[], string>('scripted:connections', url)

/** Has it leave questions unanswered. */
export const mute = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('scripted:mute', url)

/** Ends every connection as `too-many-sessions`. */
export const makeRoom = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('scripted:make-room', url)

export const stopScripted = (url: string): Promise<boolean> =>
  executeServerCommand<boolean, string>('scripted:stop', url)
