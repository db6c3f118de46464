export const composerStyles = /* css */ `
  .composer {
    padding: 0 var(--gap) var(--gap);
  }
  .field {
    align-items: end;
    padding: 0.25em;
    border: 1px solid color-mix(in srgb, var(--surface), var(--text) 45%);
    border-radius: min(var(--radius), 1.5em);
  }
  .field:focus-within {
    outline: 2px solid var(--link);
  }
  textarea,
  textarea:focus-visible {
    flex: 1;
    /* Six lines, and the room above and below. */
    max-height: 9.4em;
    padding: 0.5em;
    resize: none;
    outline: none;
  }
  .send,
  .send:hover {
    color: var(--on-accent);
    background: var(--accent);
    border-radius: min(var(--radius), 1.2em);
    outline-offset: 2px;
  }
  :placeholder-shown ~ .send {
    opacity: 0.55;
  }
`
