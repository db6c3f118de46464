/**
 * Returns a function that says when a message was sent, in as few words as are clear: the time alone for one of today, with the day for an
 * earlier one, and with the year for one of another year.
 * @param {string | undefined} locale @param {string} [timeZone] Without it the reader's own.
 * @returns {(sentAt: number, now?: number) => string}
 */
export const createTimeFormat = (locale, timeZone) => {
  const day = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'short' })
  const year = new Intl.DateTimeFormat(locale, { timeZone, year: 'numeric' })
  const time = { hour: '2-digit', minute: '2-digit' }
  const [ofToday, ofThisYear, ofOtherYears] = [
    time,
    { ...time, day: 'numeric', month: 'short' },
    { ...time, day: 'numeric', month: 'short', year: 'numeric' },
  ].map((parts) => new Intl.DateTimeFormat(locale, { timeZone, ...parts }))
  return (sentAt, now = Date.now()) => {
    if (day.format(sentAt) === day.format(now)) return ofToday.format(sentAt)
    return (year.format(sentAt) === year.format(now) ? ofThisYear : ofOtherYears).format(sentAt)
  }
}
