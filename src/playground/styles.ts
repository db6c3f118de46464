import { css } from 'lit'

/** What every part of the page looks like. Colors and sizes are the page's custom properties (playground.css). */
export const look = css`
  :host {
    display: block;
  }
  * {
    box-sizing: border-box;
  }
  h2,
  h3,
  p,
  dl,
  dd,
  ol,
  pre,
  legend,
  fieldset {
    margin: 0;
    padding: 0;
  }
  h2 {
    font-size: 1.0625rem;
    font-weight: 640;
    letter-spacing: -0.01em;
  }
  h3,
  legend,
  label,
  dt {
    font-size: 0.8125rem;
    font-weight: 600;
    color: var(--soft);
  }
  .hint {
    font-size: 0.8125rem;
    line-height: 1.45;
    color: var(--soft);
  }
  code,
  pre,
  .code {
    font-family: var(--mono);
    font-size: 0.8125rem;
  }
  button {
    min-height: 44px;
    padding: 8px 14px;
    font: inherit;
    font-size: 0.875rem;
    font-weight: 560;
    color: var(--ink);
    background: var(--button);
    border: 1px solid var(--edge);
    border-radius: 10px;
    cursor: pointer;
    touch-action: manipulation;
  }
  button:hover {
    background: var(--button-hover);
  }
  button.main {
    color: var(--on-accent);
    background: var(--accent);
    border-color: transparent;
  }
  button.main:hover {
    background: var(--accent-hover);
  }
  button.small {
    min-height: 30px;
    padding: 3px 10px;
    font-size: 0.8125rem;
    border-radius: 8px;
  }
  input:not([type='radio'], [type='checkbox']),
  select {
    box-sizing: border-box;
    width: 100%;
    min-height: 44px;
    padding: 8px 12px;
    font: inherit;
    color: var(--ink);
    background: var(--field);
    border: 1px solid var(--edge);
    border-radius: 10px;
  }
  input:disabled,
  select:disabled {
    color: var(--faint);
    border-color: var(--line);
  }
  ::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  .count {
    padding: 1px 9px;
    font-size: 0.75rem;
    font-weight: 650;
    line-height: 1.5;
    color: var(--on-alert);
    background: var(--alert);
    border-radius: 99px;
    white-space: nowrap;
  }
  .box {
    display: grid;
    gap: 8px;
    padding: 12px 14px;
    font-size: 0.9375rem;
    line-height: 1.5;
    background: var(--well);
    border-left: 4px solid var(--edge);
    border-radius: 10px;
    overflow-wrap: anywhere;
  }
  .box.bad {
    border-left-color: var(--bad);
  }
  .box.busy {
    border-left-color: var(--busy);
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
  @media (hover: hover) and (min-width: 820px) {
    button,
    input:not([type='radio'], [type='checkbox']),
    select {
      min-height: 38px;
    }
    input:not([type='radio'], [type='checkbox']),
    select {
      padding-block: 5px;
      font-size: 0.9375rem;
    }
  }
`
