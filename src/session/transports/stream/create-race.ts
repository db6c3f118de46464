import type { Fault } from '../../machine/state.js'
import type { Connection, ConnectionOptions, StartFrame } from '../connection.js'
import { sessionUrl } from '../websocket.js'
import { createConnectionLock } from './connection-lock.js'
import { openRaceConnection, type RaceAttempt } from './race-connection.js'
import { createRecord, wantedKinds } from './record.js'

/** What the session has done so far. */
interface Past {
  startFrame(): StartFrame
  /** The attempts that have failed, and the connections that were lost, in a row. */
  failures: number
  /** The error of the last attempt. */
  error: Fault | null
}

/** Makes an attempt by a WebSocket, a stream or both. */
export type OpenRace = (attempt: RaceAttempt) => Connection

/** Returns the function that makes all further attempts of a session. An attempt has been made, so `endpoint` is a valid address. */
export const createRace = (options: ConnectionOptions, past: Past): OpenRace => {
  const { endpoint, transports, sleep, WebSocket } = options
  const { startFrame, failures, error } = past
  const address = sessionUrl(endpoint)
  const url = address.replace(/^ws/, 'http')
  const record = createRecord({
    address,
    wanted: wantedKinds(transports),
    failures,
    hasSession: startFrame().resume !== undefined,
    wasUnheard: error?.fromGateway === true && error.code === 'timeout',
  })
  const lock = createConnectionLock(new URL(url).origin, !!sleep)
  const session = { address, url, WebSocket, record, lock, startFrame }
  return (attempt) => openRaceConnection(session, attempt)
}
