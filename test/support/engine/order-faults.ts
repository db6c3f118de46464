// Finds lost, duplicated and reordered messages among numbered messages.

/** A received message. Its body is its sender's name and a number, from 0 on. */
interface NumberedMessage {
  offset: number
  body?: string | undefined
}

const named = ({ offset, body = '' }: NumberedMessage): string => `"${body}" (offset ${offset})`

const splitBody = (body = ''): [sender: string, number: number] => {
  const at = body.lastIndexOf(' ')
  return [body.slice(0, at), Number(body.slice(at + 1))]
}

/**
 * Returns a function that checks received messages one by one: offsets must be 1, 2, 3 …, and the numbers of each sender 0,
 * 1, 2 …. It calls `onFault` with a sentence for each fault. A number may be missing, or come later, if `isLost` returns true for its body.
 */
export const createOrderCheck = (
  onFault: (fault: string) => void,
  isLost: (body: string) => boolean = () => false,
): ((message: NumberedMessage) => void) => {
  /** The first offset of each body. */
  const offsets = new Map<string, number>()
  /** The next number of each sender. */
  const nextNumbers = new Map<string, number>()
  let last: NumberedMessage = { offset: 0 }

  return (message) => {
    const { offset, body = '' } = message
    const [sender, number] = splitBody(body)
    const earlier = offsets.get(body)
    if (earlier !== undefined) {
      onFault(
        earlier === offset
          ? `${named(message)} was received twice`
          : `${named(message)} is stored twice: it is at ${earlier} too`,
      )
      if (earlier === offset) return
    } else {
      offsets.set(body, offset)
      let next = nextNumbers.get(sender) ?? 0
      while (next < number && isLost(`${sender} ${next}`)) next++
      if (number > next)
        onFault(`"${sender} ${next}" was lost or late: ${named(message)} was received before it`)
      if (number < next && !isLost(body))
        onFault(`${named(message)} is out of order, after "${sender} ${next - 1}"`)
      nextNumbers.set(sender, Math.max(next, number + 1))
    }
    if (offset > last.offset + 1)
      onFault(`offset ${last.offset + 1} was lost or late: ${named(message)} was received before it`)
    if (offset <= last.offset) onFault(`${named(message)} is out of order, after ${named(last)}`)
    if (offset > last.offset) last = message
  }
}

/** Returns the faults of messages in the order in which they were received; none if each is there once, in order. */
export const orderFaults = (
  messages: readonly NumberedMessage[],
  isLost?: (body: string) => boolean,
): string[] => {
  const faults: string[] = []
  messages.forEach(createOrderCheck((fault) => faults.push(fault), isLost))
  return faults
}
