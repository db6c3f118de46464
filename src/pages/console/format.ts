import { html, type TemplateResult } from 'lit'
import type { Series } from '../../protocol/internal.js'

const numberFormat = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const timeFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})

export const formatNumber = (value: number): string => numberFormat.format(value)

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB']

export const formatBytes = (bytes: number): string => {
  const power = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${formatNumber(bytes / 1000 ** power)} ${BYTE_UNITS[power]}`
}

export const formatValue = (value: number | null, unit: Series['unit']): string => {
  if (value === null) return 'none'
  if (unit === 'bytes') return formatBytes(value)
  if (unit === 'milliseconds') return `${formatNumber(value)} ms`
  return unit === 'per second' ? `${formatNumber(value)} per second` : formatNumber(value)
}

export const formatDuration = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`
}

/** Returns how long ago a time is, or how far ahead, with the date as its title. */
export const relativeTime = (time: number): TemplateResult => {
  const distance = Date.now() - time
  const text = distance < 0 ? `in ${formatDuration(-distance)}` : `${formatDuration(distance)} ago`
  return html`<time datetime=${new Date(time).toISOString()} title=${dateFormat.format(time)}>${text}</time>`
}

/** Returns the time of the day. */
export const clockTime = (time: number): TemplateResult =>
  html`<time datetime=${new Date(time).toISOString()} title=${dateFormat.format(time)}
    >${timeFormat.format(time)}</time
  >`
