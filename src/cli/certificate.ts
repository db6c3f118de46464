import { count, findingsAbout, type Finding } from './report.js'

const DAY = 86_400_000
/** How many days before its expiry a certificate should be renewed. */
const RENEW_DAYS = 14

/** Returns a finding that says how long the certificate is valid. `validTo` is a date as OpenSSL writes it. */
export const checkExpiry = (what: string, validTo: string): Finding => {
  const finding = findingsAbout(what)
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY)
  if (days < 0) return finding.fail(`the certificate expired on ${validTo}`)
  return days < RENEW_DAYS
    ? finding.warn(`the certificate expires in ${count(days, 'day')}: renew it`)
    : finding.ok(`the certificate is valid for ${count(days, 'day')}`)
}
