/** The host, the colors, and what all views share. Colors follow the page's `color-scheme`, because they are made of the system's. */
export const base = /* css */ `
  :host {
    display: block;
    width: var(--chat-width, auto);
    max-width: 100%;
    height: var(--chat-height, 36rem);
  }
  :host([hidden]) {
    display: none;
  }
  .root {
    --accent: var(--chat-accent, #2559d0);
    --on-accent: var(--chat-accent-text, #fff);
    --surface: var(--chat-surface, Canvas);
    --text: var(--chat-text, CanvasText);
    --surface-2: var(--chat-surface-2, color-mix(in srgb, var(--surface), var(--text) 7%));
    --text-2: var(--chat-text-2, color-mix(in srgb, var(--surface), var(--text) 68%));
    --border: var(--chat-border, color-mix(in srgb, var(--surface), var(--text) 14%));
    --link: color-mix(in srgb, var(--text), var(--accent) 66%);
    --radius: var(--chat-radius, 1em);
    --gap: var(--chat-gap, 0.75em);
    height: 100%;
    line-height: 1.4;
    color: var(--text);
  }
  * {
    box-sizing: border-box;
    min-width: 0;
    min-height: 0;
    margin: 0;
    padding: 0;
  }
  .frame {
    container-type: inline-size;
    height: 100%;
    overflow: hidden;
    background: var(--surface);
    border: 1px solid var(--border);
    border-radius: var(--radius);
  }
  .window,
  .list,
  .thread {
    display: flex;
    flex-direction: column;
    height: 100%;
  }
  .panes {
    display: grid;
    grid-template: 100% / 100%;
    flex: 1;
  }
  .with-thread > .list,
  .choose {
    display: none;
  }
  @container (min-width: 40em) {
    .with-list {
      grid-template-columns: 32% 1fr;
    }
    .with-list > .list {
      display: flex;
      border-inline-end: 1px solid var(--border);
    }
    .choose {
      display: block;
    }
    .with-list .back {
      display: none;
    }
  }
  /* A phone with large text: the name is worth more than the photo. */
  @container (max-width: 15em) {
    .peer .avatar {
      display: none;
    }
  }
  button,
  input,
  textarea {
    font: inherit;
    color: inherit;
    background: none;
    border: 0;
  }
  button,
  .attach {
    cursor: pointer;
  }
  :focus-visible {
    outline: 2px solid var(--link);
    outline-offset: -2px;
  }
  a {
    color: inherit;
  }
  .icon {
    display: block;
    flex: none;
    width: 1.25em;
    fill: none;
    stroke: currentColor;
    stroke-width: 2;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .send > .icon:dir(rtl) {
    scale: -1 1;
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  .plain,
  .avatar {
    position: relative;
    display: grid;
    place-items: center;
    flex: none;
    width: 2.4em;
    height: 2.4em;
    overflow: hidden;
    color: var(--text-2);
    border-radius: 50%;
  }
  .plain:hover {
    background: var(--surface-2);
  }
  .back,
  .close {
    font-size: 1.6em;
    width: 1.5em;
    height: 1.5em;
  }
  .avatar {
    font-weight: 600;
    color: var(--link);
    background: color-mix(in srgb, var(--surface), var(--accent) 16%);
  }
  .avatar img {
    position: absolute;
    width: 100%;
    height: 100%;
    object-fit: cover;
  }
  .head,
  .peer,
  .field,
  .upload,
  .file,
  .day,
  .new {
    display: flex;
    align-items: center;
    gap: 0.5em;
  }
  .head {
    justify-content: end;
    min-height: 3.6em;
    padding: 0.5em var(--gap);
    border-bottom: 1px solid var(--border);
  }
  .hint,
  .banner {
    padding: 2em;
    text-align: center;
    color: var(--text-2);
  }
  .hint {
    margin: auto;
  }
  .banner {
    padding: 0.4em;
    font-size: 0.875em;
    background: var(--surface-2);
    animation: appear 0.2s 0.6s both;
  }
  [role='alert'],
  .failure {
    font-size: 0.875em;
    color: var(--chat-danger, color-mix(in srgb, var(--text), #d92b1f 78%));
  }
  .name,
  .preview,
  .typing,
  .upload bdi {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .name {
    font-weight: 600;
  }
  .presence {
    flex: none;
    width: 0.65em;
    height: 0.65em;
    background: var(--chat-online, #21a35b);
    border-radius: 50%;
    forced-color-adjust: none;
  }
  .unread,
  .badge {
    min-width: 1.6em;
    padding: 0 0.45em;
    font-size: 0.8em;
    font-weight: 600;
    text-align: center;
    color: var(--on-accent);
    background: var(--accent);
    border: 1px solid transparent;
    border-radius: 1em;
  }
  .skeleton {
    padding: 1em;
    animation: appear 0.3s 0.2s both;
  }
  .bone {
    display: block;
    max-width: 18em;
    height: 2.5em;
    margin-bottom: 1em;
    background: var(--surface-2);
    border-radius: var(--radius);
    animation: pulse 1.6s infinite alternate;
  }
  .bone:nth-child(2n) {
    margin-inline-start: auto;
  }
  @keyframes appear {
    from {
      opacity: 0;
    }
  }
  @keyframes pulse {
    to {
      opacity: 0.45;
    }
  }
  /* What comes late comes late still, but all at once. */
  @media (prefers-reduced-motion) {
    * {
      animation-duration: 0s !important;
    }
  }
  @media (prefers-contrast: more) {
    .root {
      --text-2: var(--text);
      --border: var(--text);
    }
  }
`
