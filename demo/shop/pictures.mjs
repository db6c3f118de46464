import { html } from 'hono/html'

/** Inline SVG, so that the pictures follow the page's colours. */
const drawings = {
  mug: html`<path d="M58 62h70v62a22 22 0 0 1-22 22H80a22 22 0 0 1-22-22z" />
    <path fill="none" d="M128 78h12a18 18 0 0 1 0 36h-12" />
    <path fill="none" d="M78 46c-6-8 6-12 0-22M100 46c-6-8 6-12 0-22" />`,
  notebook: html`<rect x="58" y="36" width="84" height="112" rx="6" />
    <path fill="none" d="M74 36v112" />
    <path fill="none" d="M90 66h36M90 82h36M90 98h22" />`,
  lamp: html`<path d="M104 40l44 30-30 18-34-22z" />
    <path fill="none" d="M94 74L66 104l28 42" />
    <path fill="none" d="M62 146h64" />
    <circle cx="66" cy="104" r="6" />`,
  planter: html`<path d="M62 100h76l-8 44H70z" />
    <path fill="none" d="M56 146h88" />
    <path
      fill="none"
      d="M100 100V62M100 84c-18 2-28-8-28-24 16 0 28 8 28 24zM100 72c0-18 10-28 28-28 0 18-12 28-28 28z"
    />`,
  kettle: html`<path d="M62 142c-6-34 4-62 38-62s44 28 38 62z" />
    <path fill="none" d="M63 126c-14-2-16-24-27-32M76 84c0-44 48-44 48 0" />
    <circle cx="100" cy="75" r="5" />`,
  candle: html`<rect x="80" y="78" width="40" height="66" rx="5" />
    <path fill="none" d="M100 78V66" />
    <path fill="none" d="M100 64c-12-10-2-18 0-30 6 10 12 20 0 30z" />
    <path fill="none" d="M64 146h72" />`,
}

/**
 * Returns a product's picture. Assistive technology skips it: the text beside it says the same.
 * @param {string} id A product's id.
 */
export const picture = (id) =>
  html`<svg
    viewBox="0 0 200 180"
    stroke-width="3.5"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    ${drawings[/** @type {keyof typeof drawings} */ (id)]}
  </svg>`
