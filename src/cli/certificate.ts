import { count, type Finding } from './report.js'

const DAY = 86_400_000
/** Days before the end of a certificate at which it should have been renewed. */
const RENEW_DAYS = 14

/** Says for how long a certificate is valid. `validTo` is a date as OpenSSL writes it. */
export const checkExpiry = (what: string, validTo: string): Finding => {
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY)
  if (days < 0) return { level: 'fail', what, text: `the certificate expired on ${validTo}` }
  return days < RENEW_DAYS
    ? { level: 'warn', what, text: `the certificate expires in ${count(days, 'day')}: renew it` }
    : { level: 'ok', what, text: `the certificate is valid for ${count(days, 'day')}` }
}
