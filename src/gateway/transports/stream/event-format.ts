/** How many bytes are sent before the first event, so that a proxy with a buffer fills it and passes on the response. */
const PADDING_BYTES = 4_096

/** A comment in the format of event streams, which clients skip. */
export const PADDING = `:${' '.repeat(PADDING_BYTES - 3)}\n\n`

/** Returns the event of a frame. JSON has no line break, which would end the event. */
export const eventOf = (json: string): string => `data: ${json}\n\n`

export const EVENT_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8' }
