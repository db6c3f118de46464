/** Dates, times and sizes, as the page's language writes them. */
export interface Times {
  /** Today, yesterday, or the date: one text for all times of a day. */
  day(time: number): string
  /** The time of the day. */
  clock(time: number): string
  /** The time of the day, if that is today; else the day. */
  brief(time: number): string
  size(bytes: number): string
}

/** Returns the start of a time's day, here. */
export const midnight = (time: number): number => new Date(time).setHours(0, 0, 0, 0)

/** `locales` are language tags that `Intl` takes, the best first. Without any the browser's own language counts. */
export const timesOf = (locales: readonly string[]): Times => {
  const tags = [...locales]
  const date = new Intl.DateTimeFormat(tags, { dateStyle: 'medium' })
  const time = new Intl.DateTimeFormat(tags, { timeStyle: 'short' })
  const relative = new Intl.RelativeTimeFormat(tags, { numeric: 'auto' })
  const unit = new Intl.NumberFormat(tags, { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 })
  const daysAgo = (at: number): number => Math.round((midnight(Date.now()) - midnight(at)) / 86_400_000)
  const day = (at: number): string => {
    const days = daysAgo(at)
    if (days !== 0 && days !== 1) return date.format(at)
    const text = relative.format(-days, 'day')
    return text.charAt(0).toLocaleUpperCase(tags) + text.slice(1)
  }
  const clock = (at: number): string => time.format(at)
  return {
    day,
    clock,
    brief: (at) => (daysAgo(at) ? day : clock)(at),
    size: (bytes) => unit.format(Math.ceil(bytes / 1000)),
  }
}
