import type { ChatSessionElement, MessageDetail } from '../element/chat-session.js'

/** A stored message, as `session-message` and `history()` have it. */
export type Message = MessageDetail['message']
export type MessageData = NonNullable<Message['data']>

export type PeersPage = Awaited<ReturnType<ChatSessionElement['peers']>>
/** One of the peers that `peers()` returns. */
export type Peer = PeersPage['peers'][number]
/** Where a list of peers goes on. */
export type PeersNext = PeersPage['next']

/** What a message says. */
export type Content = Pick<Message, 'body' | 'data'>

/** A user id, or null for the app's backend. */
export type PeerId = string | null

/** A message as the window draws it. One that is not stored yet has no `offset`. */
export type DrawnMessage = Omit<Message, 'offset'> & { offset?: number | undefined }

/** A peer as the window draws it. */
export interface DrawnPeer {
  id: PeerId
  /** The name that is shown: the user's own, or else words for somebody whose name is not known. */
  name: string
  photoUrl: string | null
  /** How many of the peer's messages are unread. */
  unread: number
  /** The newest message from or to the peer; undefined if there is none. */
  newest: Message | undefined
}

export interface UploadOptions {
  /** Aborts when the user cancels, or logs out. */
  signal: AbortSignal
  /** Shows how much is done: a number from 0 to 1. */
  progress: (done: number) => void
}

/** What `upload` returns. What is missing is taken from the file. */
export interface Uploaded {
  /** An https URL, or http on localhost. */
  url: string
  name?: string | undefined
  /** Bytes. */
  size?: number | undefined
  /** The MIME type: `image/…` is sent as a picture. */
  type?: string | undefined
}

export type UploadFile = (file: File, options: UploadOptions) => Promise<Uploaded> | Uploaded
export type RenderMessage = (message: DrawnMessage) => Node | undefined
export type RenderPeer = (peer: DrawnPeer) => Node | undefined
