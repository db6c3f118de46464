// What may be wrong with messages that were numbered by their senders, as sentences that name them.

/** A message as it came: its body is its sender's name and a number, from 0 on. */
export interface Came {
  offset: number
  body?: string | undefined
}

const named = ({ offset, body = '' }: Came): string => `"${body}" (offset ${offset})`

const splitUp = (body = ''): [sender: string, number: number] => {
  const at = body.lastIndexOf(' ')
  return [body.slice(0, at), Number(body.slice(at + 1))]
}

/** Judges messages one by one, as they come: offsets are 1, 2, 3 …, and so are each sender's numbers, from 0 on. */
export const createJudge = (judged: (wrong: string) => void): ((came: Came) => void) => {
  /** By body, where each came first. */
  const offsets = new Map<string, number>()
  /** By sender, the number that comes next. */
  const nexts = new Map<string, number>()
  let last: Came = { offset: 0 }

  return (came) => {
    const { offset, body = '' } = came
    const [sender, number] = splitUp(body)
    const former = offsets.get(body)
    if (former !== undefined) {
      judged(
        former === offset
          ? `${named(came)} came twice`
          : `${named(came)} is there twice: it came at ${former} before`,
      )
      if (former === offset) return
    } else {
      offsets.set(body, offset)
      const next = nexts.get(sender) ?? 0
      if (number > next) judged(`"${sender} ${next}" was lost or came late: ${named(came)} came before it`)
      if (number < next) judged(`${named(came)} came out of order, after "${sender} ${next - 1}"`)
      nexts.set(sender, Math.max(next, number + 1))
    }
    if (offset > last.offset + 1)
      judged(`offset ${last.offset + 1} was lost or came late: ${named(came)} came before it`)
    if (offset <= last.offset) judged(`${named(came)} came out of order, after ${named(last)}`)
    if (offset > last.offset) last = came
  }
}

/** What is wrong with an inbox that came like this; nothing when each message is there once, in order. */
export const faultsOf = (all: readonly Came[]): string[] => {
  const wrong: string[] = []
  all.forEach(createJudge((sentence) => wrong.push(sentence)))
  return wrong
}
