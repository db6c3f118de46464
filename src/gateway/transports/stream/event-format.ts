/** Bytes before the first event. A proxy that collects a response into a buffer passes it on once the buffer is full. */
const PADDING_BYTES = 4_096

/** A comment of the event stream's format: clients skip it. */
export const PADDING = `:${' '.repeat(PADDING_BYTES - 3)}\n\n`

/** Returns the event of a frame. JSON has no line break, which would end the event. */
export const eventOf = (json: string): string => `data: ${json}\n\n`

export const EVENT_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8' }
