import type { JsonObject } from '../../../protocol/index.js'

/**
 * Takes the data out of a message that waits, and keeps them as JSON, because parsed data may take 20 times as much memory. Returns a
 * function that puts them back. Throws for data that are nested too deep, which `checkMessage` refuses.
 */
export const setDataAside = (message: { data?: JsonObject | undefined }): (() => void) => {
  const json = message.data && JSON.stringify(message.data)
  delete message.data
  return () => {
    if (json !== undefined) message.data = JSON.parse(json) as JsonObject
  }
}
