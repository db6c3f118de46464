import { css } from 'lit'

/* Colors and fonts are the page's custom properties (base.css, playground.css). */

/** The styles that the page and the panels share. */
export const controlStyles = css`
  * {
    box-sizing: border-box;
  }
  :is(.active, :state(active)) {
    --state: var(--good);
  }
  :is(.starting, .reconnecting, :state(starting), :state(reconnecting)) {
    --state: var(--busy);
  }
  :is(.failed, :state(failed)) {
    --state: var(--bad);
  }
  :where(button, input, select, .chip) {
    min-height: var(--control);
    padding: 5px 14px;
    font: 0.875rem/1.5 var(--sans);
    color: var(--ink);
    background: var(--button);
    border: 1px solid var(--edge);
    border-radius: 10px;
  }
  :where(button, .chip) {
    font-weight: 560;
    white-space: nowrap;
    cursor: pointer;
  }
  :is(button, .chip):hover {
    filter: brightness(0.95);
  }
  button.main {
    color: var(--on-accent);
    background: var(--accent);
    border-color: transparent;
  }
  button:disabled {
    color: var(--faint);
    background: transparent;
    border-color: var(--line);
    cursor: default;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .count {
    padding: 0 7px;
    font-size: 0.75rem;
    font-weight: 650;
    line-height: 1.6;
    color: var(--on-accent);
    background: var(--bad);
    border-radius: 99px;
  }
`

export const panelStyles = css`
  :is(h2, h3, p, ol, pre) {
    margin: 0;
    padding: 0;
    font: inherit;
  }
  :is(article, section, form, .field, [role='tabpanel']) {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px;
  }
  :is(.field, .network) {
    gap: 6px;
  }
  details .field {
    margin-top: 14px;
  }
  :is(header, .row, .check) {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }
  article {
    --gap: clamp(14px, 4vw, 18px);
    gap: 18px;
    padding: var(--gap);
    overflow-wrap: anywhere;
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 18px;
    box-shadow: var(--shadow);
  }
  .who {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    gap: 12px;
  }
  .face {
    width: 44px;
    font-weight: 650;
    line-height: 44px;
    text-align: center;
    color: var(--face-ink);
    background: var(--face);
    border-radius: 50%;
  }
  h2 {
    font-size: 1.0625rem;
    font-weight: 640;
    outline: none;
  }
  :is(h3, label, summary) {
    font-size: 0.8125rem;
    font-weight: 600;
    color: var(--soft);
  }
  /* The header keeps the height of its buttons, because they come and go. */
  header {
    min-height: 30px;
  }
  header h3 {
    margin-right: auto;
  }
  :is(.hint, .meta, .entry) {
    font-size: 0.8125rem;
    line-height: 1.45;
    color: var(--soft);
  }
  :is(code, time) {
    font-family: var(--mono);
    font-size: 0.92em;
  }
  button.small {
    min-height: 30px;
    padding: 3px 10px;
    font-size: 0.8125rem;
    border-radius: 8px;
  }
  :where(.close, .segments > *, [role='tab']) {
    color: var(--soft);
    background: none;
    border-color: transparent;
  }
  .close {
    width: 44px;
    padding: 0;
    font-size: 1.25rem;
  }
  :is(input, select) {
    width: 100%;
    min-width: 0;
    background-color: var(--field);
  }
  ::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  :is(.well, .box, .segments) {
    padding: 12px 14px;
    font-size: 0.875rem;
    line-height: 1.5;
    background: var(--well);
    border-radius: 12px;
  }
  .box {
    display: grid;
    gap: 8px;
    border-left: 4px solid var(--state, var(--edge));
  }
  .name {
    font-size: 1.25rem;
    font-weight: 660;
    color: var(--state, var(--soft));
  }
  .name::before {
    content: '';
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-right: 9px;
    border: 3px solid;
    border-radius: 50%;
  }
  :is(.active, .failed, .ended)::before {
    background: currentColor;
  }
  :is(.failed, .ended)::before {
    border-radius: 3px;
  }
  :is(.starting, .reconnecting)::before {
    border-right-color: transparent;
  }
  .tag {
    color: var(--soft);
    background: var(--well);
  }
  [role='log'] {
    display: flex;
    flex-direction: column-reverse;
    height: 240px;
    overflow-y: auto;
    overscroll-behavior: contain;
  }
  [role='log'] > .hint {
    margin: auto;
  }
  ol {
    list-style: none;
  }
  .thread li {
    display: flex;
    flex-direction: column;
    align-items: start;
    gap: 3px;
    margin: 8px 15% 0 0;
  }
  .thread .mine {
    align-items: end;
    margin: 8px 0 0 15%;
  }
  .text {
    padding: 7px 12px;
    white-space: pre-wrap;
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 4px 14px 14px;
  }
  .mine .text {
    color: var(--on-accent);
    background: var(--accent);
    border-radius: 14px 4px 14px 14px;
  }
  :is(.sending, .unsent) .text {
    color: var(--ink);
    background: none;
    border: 1px dashed var(--edge);
  }
  :is(.unread, .unsent .meta) {
    color: var(--bad);
  }
  .thread form {
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 8px;
  }
  .segments {
    display: flex;
    flex-wrap: wrap;
    padding: 3px;
  }
  .segments > * {
    flex: 1 1 30%;
    padding-inline: 7px;
  }
  /* All choices of the network are in one row. */
  .network .segments {
    flex-wrap: nowrap;
  }
  .network .segments > * {
    flex: auto;
    min-width: 0;
    padding-inline: clamp(3px, 1.4vw, 7px);
    font-size: clamp(0.6875rem, 3.5vw, 0.8125rem);
  }
  .segments [aria-pressed='true'] {
    color: var(--ink);
    background: var(--chosen);
    box-shadow: 0 1px 3px rgb(0 0 0 / 18%);
  }
  .more {
    margin: 0 calc(-1 * var(--gap)) calc(-1 * var(--gap));
    border-top: 1px solid var(--line);
  }
  [role='tabpanel'] {
    gap: 16px;
    padding: var(--gap);
  }
  [role='tablist'] {
    display: flex;
    padding-inline: 4px;
    border-bottom: 1px solid var(--line);
    overflow-x: auto;
    scrollbar-width: none;
  }
  [role='tab'] {
    flex: auto;
    padding: 8px;
    font-size: 0.8125rem;
    border-width: 0 0 2px;
    border-radius: 8px 8px 0 0;
    outline-offset: -3px;
  }
  [role='tab'][aria-selected='true'] {
    color: var(--ink);
    border-color: var(--accent);
  }
  .pair {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(130px, 1fr));
    gap: 12px;
  }
  .field button {
    justify-self: start;
  }
  .check input {
    width: 20px;
    accent-color: var(--accent);
  }
  .place {
    min-height: 74px;
    padding: 10px 12px;
    border: 1px dashed var(--edge);
    border-radius: 10px;
  }
  pre {
    white-space: pre-wrap;
  }
  mark {
    color: inherit;
    background: var(--mark);
  }
  summary {
    min-height: 44px;
    padding: 11px 0;
    cursor: pointer;
  }
  .list {
    max-height: 300px;
    overflow-y: auto;
  }
  .list li + li {
    border-top: 1px solid var(--line);
  }
  .entry {
    padding: 7px 8px;
    font-weight: normal;
  }
  .entry div {
    padding-left: 16px;
    font-size: 0.9375rem;
    color: var(--ink);
  }
  .from {
    float: right;
    font-weight: 600;
  }
`
