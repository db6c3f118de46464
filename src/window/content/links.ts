import { safeUrl } from './urls.js'

/** A piece of a text, with an address if it is a link. */
export interface Piece {
  text: string
  url?: string
}

const address = /https?:\/\/[^\s<>"]+/giu
/** What ends a sentence or a quotation, and no address. */
const ending = /[.,;:!?'’”»…。、！？）」』\]}*_~]/u

/** Returns the address at the start of `text`, without what belongs to the sentence around it. */
const trimmed = (text: string): string => {
  let { length } = text
  /** How many brackets are closed and were not opened. */
  let closed = text.split(')').length - text.split('(').length
  for (;;) {
    const last = text.charAt(length - 1)
    if (last === ')' && closed > 0) closed -= 1
    else if (!ending.test(last)) return text.slice(0, length)
    length -= 1
  }
}

/** Splits a text into links and what is between them. */
export const linked = (text: string): Piece[] => {
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(address)) {
    const found = trimmed(match[0])
    const url = safeUrl(found)
    if (!url) continue
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) })
    pieces.push({ text: found, url })
    end = match.index + found.length
  }
  if (end < text.length) pieces.push({ text: text.slice(end) })
  return pieces
}
