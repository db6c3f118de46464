/**
 * Returns a function that says when a message was sent: the time alone if it was today, with the day if it was earlier, and with the year if
 * it was another year. Without `timeZone` the times are those of the reader.
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
