import type { Content, MessageData } from '../types.js'
import { safeUrl } from './urls.js'

export interface Image {
  url: string
  alt: string
  /** Pixels; both or neither. They keep the room until the picture has loaded. */
  size: { width: number; height: number } | undefined
}

export interface Attachment {
  url: string
  name: string
  /** Bytes. */
  size: number | undefined
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A size in pixels that a picture can have. */
const isLength = (value: unknown): value is number =>
  typeof value === 'number' && value >= 1 && value <= 100_000

/** Returns the picture that a message's data has; undefined if there is none that may be drawn. */
export const imageOf = (data: MessageData | undefined): Image | undefined => {
  const { url, width, height, alt } = fieldsOf(data?.['image'])
  const safe = safeUrl(url)
  if (!safe) return undefined
  return {
    url: safe,
    alt: textOf(alt),
    size: isLength(width) && isLength(height) ? { width, height } : undefined,
  }
}

/** Returns the file that a message's data has; undefined if there is none that may be drawn. */
export const fileOf = (data: MessageData | undefined): Attachment | undefined => {
  const { url, name, size } = fieldsOf(data?.['file'])
  const safe = safeUrl(url)
  if (!safe) return undefined
  const isSize = typeof size === 'number' && size >= 0 && Number.isFinite(size)
  return { url: safe, name: textOf(name) || new URL(safe).hostname, size: isSize ? size : undefined }
}

/** Returns the data of a message with a file that was uploaded. */
export const dataOf = (url: string, name: string, size: number, type: string): MessageData =>
  type.startsWith('image/') ? { image: { url, alt: name } } : { file: { url, name, size } }

/** Returns what a message shows, in a line; '' if it shows nothing. `picture` is the word for one. */
export const previewOf = ({ body, data }: Content, picture: string): string =>
  body?.trim() || (imageOf(data) ? picture : (fileOf(data)?.name ?? ''))
