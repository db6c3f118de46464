import { peerMessageOf, type PeerMessage } from '../../../util/peer-index.js'
import { messageRowOf, type StoredMessage } from '../inbox-row.js'

const [ID, FROM, TO, SENDER] = ['{"id":"', ',"from":', ',"to":', ',"sender":'] as const

/**
 * Returns the JSON of a message's sender and of its recipient, if the message has its keys in the usual order. No text of JSON contains a
 * comma, a quotation mark and the name of a key: a quotation mark in a text follows a backslash, and nothing follows the one that ends it.
 */
const namesIn = (json: string): [from: string, to: string] | undefined => {
  const id = json.indexOf('{')
  const from = json.indexOf(FROM, id)
  const to = json.indexOf(TO, from)
  const end = json.indexOf(SENDER, to)
  if (!json.startsWith(ID, id) || from < 0 || to < 0 || end < 0) return undefined
  const names: [string, string] = [json.slice(from + FROM.length, to), json.slice(to + TO.length, end)]
  // Other keys may stand between.
  return names.some((name) => name.includes('":')) ? undefined : names
}

/** Returns a function that reads from the row of a message whom it is with. Parsing the whole row would take several times as long. */
export const peerParser = (owner: string): ((json: string) => PeerMessage) => {
  const ownerJson = JSON.stringify(owner)
  /** The peers by their JSON. */
  const peers = new Map<string, string | null>()
  const peerOf = (json: string): string | null => {
    let peer = peers.get(json)
    if (peer === undefined) {
      peer = JSON.parse(json) as string | null
      peers.set(json, peer)
    }
    return peer
  }
  return (json) => {
    const names = namesIn(json)
    if (!names) {
      const { message, isRead } = messageRowOf(0, JSON.parse(json) as StoredMessage)
      return peerMessageOf(owner, message.from, message.to, isRead)
    }
    const [from, to] = names
    const isSent = from === ownerJson
    // A list of senders, which may stand there instead, ends with three brackets.
    const isRead = json.endsWith(',1]')
    return {
      peer: peerOf(isSent ? to : from),
      isSent,
      isReceived: !isSent || to === ownerJson,
      counts: !isSent && !isRead,
    }
  }
}
