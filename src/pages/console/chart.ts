import { html, svg, type TemplateResult } from 'lit'
import type { Series } from '../../protocol/internal.js'
import { formatDuration, formatValue } from './format.js'

const WIDTH = 240
const HEIGHT = 56
/** Milliseconds between two samples. */
const INTERVAL = 15_000
const HOUR = 3_600_000

/** Returns the time from the first of so many samples to the last one, such as `the last 45 s`. The first one is taken at the start. */
export const spanOf = (samples: number): string => {
  const span = (samples - 1) * INTERVAL
  if (span <= 0) return 'the time since the start'
  return span + INTERVAL < HOUR ? `the last ${formatDuration(span)}` : 'the last hour'
}

/**
 * Returns the path of a line through the values, over the whole width. The line is broken where there is no value. A value without
 * neighbours is a level line, as wide as the time between two samples.
 */
const pathOf = (values: readonly (number | null)[], highest: number): string => {
  const step = WIDTH / Math.max(1, values.length - 1)
  const isKnown = (index: number): boolean => typeof values[index] === 'number'
  return values
    .map((value, index) => {
      if (value === null) return ''
      const x = index * step
      const y = (HEIGHT - 2 - (value / (highest || 1)) * (HEIGHT - 4)).toFixed(1)
      if (isKnown(index - 1)) return `L${x.toFixed(1)} ${y}`
      if (isKnown(index + 1)) return `M${x.toFixed(1)} ${y}`
      const [from, to] = [Math.max(0, x - step / 2), Math.min(WIDTH, x + step / 2)]
      return `M${from.toFixed(1)} ${y}H${(values.length === 1 ? WIDTH : to).toFixed(1)}`
    })
    .join('')
}

/** A small chart of one series, from its first sample to its last one. */
export const chart = ({ label, unit, values }: Series): TemplateResult => {
  const known = values.filter((value) => value !== null)
  const highest = Math.max(0, ...known)
  const now = formatValue(values.at(-1) ?? null, unit)
  const most = known.length === 0 ? 'No value yet' : `At most ${formatValue(highest, unit)}`
  return html`<figure>
    <figcaption>${label} <strong>${now}</strong></figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label="${label} over ${spanOf(values.length)}: ${now} now. ${most}"
    >
      ${svg`<path d=${pathOf(values, highest)} vector-effect="non-scaling-stroke" />`}
    </svg>
    <p class="hint">${most}</p>
  </figure>`
}
