/**
 * Faults that `node scripts/simulate.mjs --faults` puts in on purpose, to see that the simulation finds them: `right` becomes `wrong`, and a
 * violation that matches `finds` counts.
 */
export default [
  {
    name: 'an acknowledgement before the sync',
    file: 'src/engine/single-process/store/group-commit.ts',
    right: 'sync: waiters.length > 0',
    wrong: 'sync: false',
    finds: /not where it was stored|in one inbox/,
  },
  {
    name: 'a read mark that goes back',
    file: 'src/engine/single-process/messages/inbox.ts',
    right: 'if (offset <= this.readOffset) return false',
    wrong: 'if (offset === this.readOffset) return false',
    finds: /has read up to/,
  },
  {
    name: 'a lost detach',
    file: 'src/gateway/sessions/live-session.ts',
    right: ': engine.detachSession(started.ref, connectionId, detachOrEnd.resumableFor),',
    wrong: ': Promise.resolve(),',
    finds: /has left, and is online|has left, and is offline with/,
  },
  {
    name: 'a retry that is stored again',
    file: 'src/engine/single-process/messages/inboxes.ts',
    right: 'const earlier = this.#idempotencyKeys.find(key, digest, now)',
    wrong: 'const earlier = now < 0 ? this.#idempotencyKeys.find(key, digest, now) : undefined',
    finds: /twice/,
  },
  {
    name: 'a client that takes what it missed for seen',
    file: 'src/session/machine/connecting.ts',
    right: 'offset: !cursor ? offset : isKnown ? cursor.offset : 0 }',
    wrong: 'offset }',
    finds: /received offset|received messages up to/,
  },
  {
    name: 'a replay that begins one message too late',
    file: 'src/gateway/sessions/delivery.ts',
    right: "this.#state = 'sending'\n    this.#cursor = offset",
    wrong: "this.#state = 'sending'\n    this.#cursor = offset < newest ? offset + 1 : offset",
    finds: /received offset/,
  },
  {
    name: 'a timer that outlives its gateway',
    file: 'src/gateway/lifecycle/clock-watch.ts',
    right: "signal.addEventListener('abort', () => clearInterval(timer), { once: true })",
    wrong: "signal.addEventListener('abort', () => undefined, { once: true })",
    finds: /Timers are left/,
  },
  {
    name: 'a revocation that leaves the sessions',
    file: 'src/engine/single-process/session-service.ts',
    right: "if (mode === 'end') this.end(session, 'revoked')",
    wrong: "if (mode !== 'end') this.end(session, 'revoked')",
    finds: /after its credentials were revoked/,
  },
  {
    name: 'a session that ends without an event',
    file: 'src/engine/single-process/session-service.ts',
    right: "if (database?.webhooks.asks(session.appId, 'session.ended'))",
    wrong: "if (code === 'ended' && database?.webhooks.asks(session.appId, 'session.ended'))",
    finds: /never ended/,
  },
  {
    name: 'an outbox that forgets what it sent when the connection is lost',
    file: 'src/session/storage/outbox.ts',
    right: 'if (backoffUntil === Infinity && write(request))',
    wrong: 'if (!entry.deadline && backoffUntil === Infinity && write(request))',
    finds: /Not settled/,
  },
  {
    name: 'an own message that counts as unread',
    file: 'src/session/machine/active.ts',
    right: 'from !== info.user.id ? 1 : 0',
    wrong: 'from !== null ? 1 : 0',
    finds: /shows \d+ unread/,
  },
  {
    name: 'a failed write that is acknowledged',
    file: 'src/engine/single-process/store/group-commit.ts',
    right: 'for (const waiter of all) waiter.reject(failure)',
    wrong: 'for (const waiter of all) waiter.resolve()',
    finds: /not where it was stored/,
  },
  {
    name: 'a watcher who is not told that a lost user is offline',
    file: 'src/engine/single-process/session-service.ts',
    right: 'onAway: (session) => this.#onPresence(session, true)',
    wrong: 'onAway: (session) => void session',
    finds: /The watcher shows/,
  },
  {
    name: 'a gateway that keeps the first presence that it has heard',
    file: 'src/gateway/sessions/watchers.ts',
    right: 'if (!watched) return\n    watched.presence = { online, lastSeenAt }',
    wrong: 'if (!watched) return\n    watched.presence ??= { online, lastSeenAt }',
    finds: /The watcher shows/,
  },
]
