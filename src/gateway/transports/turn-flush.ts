interface Flushable {
  /** Writes the frames of this turn. */
  flush(): void
}

/**
 * Returns a function that schedules the flush of a transport for the end of this turn of the event loop. At the end of a turn `atEndOfTurn`
 * calls its argument. One list and one callback for all transports cost less than a callback for each.
 */
export const createTurnFlush = (atEndOfTurn: (run: () => void) => void): ((transport: Flushable) => void) => {
  let unflushed: Flushable[] = []
  const flushAll = (): void => {
    const transports = unflushed
    unflushed = []
    for (const transport of transports) transport.flush()
  }
  return (transport) => {
    if (unflushed.push(transport) === 1) atEndOfTurn(flushAll)
  }
}
