import { executeServerCommand } from '@web/test-runner-commands'
import type { GatewayConfig } from '../../src/gateway/config-types.js'

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
