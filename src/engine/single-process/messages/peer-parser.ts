import { peerMessageOf, type PeerMessage } from '../../util/peer-index.js'
import { messageRowOf, type StoredMessage } from './inbox-row.js'

/** Matches the first part of a row whose message has its keys in the usual order. */
const HEAD = /^\[[^{]*\{"id":"(?:[^"\\]|\\.)*","from":(null|"(?:[^"\\]|\\.)*"),"to":("(?:[^"\\]|\\.)*")/

/** Returns a function that reads the peer of a message from its row. Parsing the whole row would take several times as long. */
export const peerParser = (owner: string): ((json: string) => PeerMessage) => {
  const ownerJson = JSON.stringify(owner)
  return (json) => {
    const [, from, to] = HEAD.exec(json) ?? []
    if (from === undefined || to === undefined) {
      const { message, isRead } = messageRowOf(0, JSON.parse(json) as StoredMessage)
      return peerMessageOf(owner, message.from, message.to, isRead)
    }
    const isSent = from === ownerJson
    const peer = JSON.parse(isSent ? to : from) as string | null
    // If the row ends with a list of senders, it ends with three brackets.
    const isRead = json.endsWith(',1]')
    return { peer, isSent, isReceived: !isSent || to === ownerJson, counts: !isSent && !isRead }
  }
}
