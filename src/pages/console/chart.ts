import { html, svg, type TemplateResult } from 'lit'
import type { Series } from '../../protocol/internal.js'
import { formatValue } from './format.js'

const WIDTH = 240
const HEIGHT = 56
/** How many samples an hour has. The newest sample is at the right edge. */
const SAMPLES = 240

/** Returns the path of a line through the values. The line is broken where there is no value. */
const pathOf = (values: readonly (number | null)[], highest: number): string => {
  const step = WIDTH / (SAMPLES - 1)
  const first = SAMPLES - values.length
  let isDrawing = false
  return values
    .map((value, index) => {
      const command = isDrawing ? 'L' : 'M'
      isDrawing = value !== null
      if (value === null) return ''
      const y = HEIGHT - 2 - (value / (highest || 1)) * (HEIGHT - 4)
      const point = `${((first + index) * step).toFixed(1)} ${y.toFixed(1)}`
      // A single value between gaps is drawn as a dot.
      return command === 'M' ? `M${point}h0.1` : `L${point}`
    })
    .join('')
}

/** A small chart of one series over the last hour. */
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
      aria-label="${label} over the last hour: ${now} now. ${most}"
    >
      ${svg`<path d=${pathOf(values, highest)} vector-effect="non-scaling-stroke" />`}
    </svg>
    <p class="hint">${most}</p>
  </figure>`
}
