/** The transport of a handshake that is not answered yet. */
interface Unanswered {
  /** Answers the handshake, if it is not answered yet. */
  flush(): void
}

/**
 * The answer to a handshake waits for the frame that `Transport.expectFrame` announces. If the frame does not come, the wait ends after
 * this many milliseconds, or up to twice as many. An engine may take about ten milliseconds to write the session, so the wait is longer.
 */
const ANSWER_WAIT = 25

/** The transports whose answers wait, in two groups by the time at which they came. One timer serves both. */
let [older, recent]: [Unanswered[], Unanswered[]] = [[], []]
let timer: NodeJS.Timeout | undefined

const answerOlder = (): void => {
  const due = older
  older = recent
  recent = []
  timer = older.length > 0 ? setTimeout(answerOlder, ANSWER_WAIT).unref() : undefined
  for (const transport of due) transport.flush()
}

/** Answers a handshake after the wait, if the expected frame was not sent before. */
export const answerLater = (transport: Unanswered): void => {
  recent.push(transport)
  timer ??= setTimeout(answerOlder, ANSWER_WAIT).unref()
}
