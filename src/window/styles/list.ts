export const listStyles = /* css */ `
  .search {
    flex: 1;
    padding: 0.45em 0.9em;
    background: var(--surface-2);
    border: 1px solid transparent;
    border-radius: 2em;
  }
  ::placeholder {
    color: var(--text-2);
    opacity: 1;
  }
  .rows,
  .log {
    flex: 1;
    overflow-y: auto;
    overscroll-behavior: contain;
  }
  li {
    list-style: none;
  }
  .more {
    height: 3em;
  }
  .conversation {
    display: grid;
    grid-template-columns: auto auto auto 1fr auto;
    align-items: center;
    column-gap: 0.6em;
    width: 100%;
    padding: 0.6em var(--gap);
    text-align: start;
    contain-intrinsic-size: auto 3.8em;
    content-visibility: auto;
  }
  /* A click meets its row, also if the text below the pointer changes meanwhile. */
  .conversation > * {
    pointer-events: none;
  }
  .conversation:hover,
  .conversation[aria-current] {
    background: var(--surface-2);
  }
  /* A background shows nothing where the system has few colors. */
  [aria-current] > .name {
    text-decoration: underline transparent;
  }
  .conversation .avatar {
    grid-row: 1 / 3;
  }
  .when,
  .conversation .unread {
    grid-column: 5;
    justify-self: end;
  }
  .when {
    white-space: nowrap;
    font-size: 0.8em;
    color: var(--text-2);
  }
  .conversation .presence {
    grid-area: 1 / 3;
  }
  .preview {
    grid-area: 2 / 2 / 3 / 6;
    /* The end that is cut off is that of the text's own direction. */
    justify-self: start;
    max-width: 100%;
    font-size: 0.875em;
    color: var(--text-2);
  }
  .has-unread .preview {
    grid-column-end: 5;
    font-weight: 600;
    color: var(--text);
  }
`
