export const threadStyles = /* css */ `
  .peer,
  .upload bdi {
    flex: 1;
  }
  /* It scrolls from its end, so that it stays there while messages come, and moves nothing when older ones are put above. */
  .log {
    display: flex;
    flex-direction: column-reverse;
    overflow-anchor: none;
  }
  .messages {
    position: relative;
    flex: 1 0 auto;
    display: flex;
    flex-direction: column;
    justify-content: end;
    padding: var(--gap);
  }
  /*
   * The browser lays out and paints those in sight alone. Until then a chunk is as high as 25 short messages. Safari would not keep the place
   * where one reads when that height is corrected.
   */
  @supports (overflow-anchor: auto) {
    ol {
      contain-intrinsic-size: auto 75em;
      content-visibility: auto;
    }
  }
  .end {
    position: absolute;
    bottom: 0;
    width: 1px;
    height: 2em;
  }
  .older,
  .day,
  .new {
    justify-content: center;
    margin: 1em 0;
    font-size: 0.8em;
    color: var(--text-2);
  }
  .new {
    font-weight: 600;
    color: var(--link);
  }
  .new::before,
  .new::after {
    content: '';
    flex: 1;
    border-top: 1px solid;
  }
  .message {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    padding-top: 2px;
  }
  .first {
    padding-top: 0.6em;
  }
  .message.own {
    flex-direction: row-reverse;
  }
  .bubble {
    --round: min(var(--radius), 1.2em);
    display: flow-root;
    max-width: min(82%, 34em);
    padding: 0.45em 0.8em;
    overflow-wrap: anywhere;
    background: var(--surface-2);
    border: 1px solid transparent;
    border-radius: var(--round);
  }
  .own > .bubble {
    color: var(--chat-own-text, var(--on-accent));
    background: var(--chat-own, var(--accent));
  }
  .other:not(.last) > .bubble {
    border-end-start-radius: 0.3em;
  }
  .own:not(.last) > .bubble {
    border-end-end-radius: 0.3em;
  }
  .text {
    white-space: pre-wrap;
  }
  .meta {
    float: inline-end;
    display: flex;
    gap: 0.2em;
    margin-top: 0.5em;
    padding-inline-start: 0.8em;
    font-size: 0.72em;
    opacity: 0.85;
  }
  .failure {
    width: 100%;
    padding: 0.2em 0;
    text-align: end;
  }
  .again {
    margin-inline-start: 0.5em;
    color: var(--link);
    text-decoration: underline;
  }
  .copy {
    visibility: hidden;
  }
  .message:is(:hover, :focus, :focus-within) > .copy {
    visibility: visible;
  }
  small {
    flex: none;
  }
  .image img {
    display: block;
    width: auto;
    min-width: 4em;
    max-width: 100%;
    height: auto;
    min-height: 2em;
    max-height: 18em;
    object-fit: cover;
    border-radius: calc(var(--round) / 2);
  }
  .image img:not([width]) {
    width: 16em;
    aspect-ratio: 4 / 3;
  }
  .below {
    height: 1.7em;
    padding: 0 var(--gap);
    font-size: 0.875em;
    color: var(--text-2);
  }
`
