/**
 * A script for pages. The browser's own push manager would ask its vendor's push service, which no test reaches. This one gives
 * subscriptions of the real kind, which `localStorage` keeps as a browser does.
 */
export const pushManager = `
  const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_')
  const decode = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer
  const current = () => {
    const { key, json } = JSON.parse(localStorage.getItem('subscription') ?? '{}')
    return json ? {
      options: { applicationServerKey: decode(key) },
      toJSON: () => json,
      unsubscribe: async () => localStorage.removeItem('subscription') === undefined,
    } : null
  }
  PushManager.prototype.getSubscription = async () => current()
  PushManager.prototype.subscribe = async ({ applicationServerKey: key }) => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
    const p256dh = encode(await crypto.subtle.exportKey('raw', pair.publicKey))
    const auth = encode(crypto.getRandomValues(new Uint8Array(16)))
    const endpoint = 'https://' + (localStorage.getItem('host') ?? 'updates.push.services.mozilla.com') + '/' + crypto.randomUUID()
    const json = { endpoint, expirationTime: null, keys: { p256dh, auth } }
    localStorage.setItem('subscription', JSON.stringify({ key, json }))
    return current()
  }`
