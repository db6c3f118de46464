import { defineStep } from '../script.js'

const withInbox = { parts: ['inbox'], repeatable: true } as const
const withEvents = { parts: ['events'], repeatable: true } as const
const plain = { repeatable: true } as const

/** The steps that only a copy needs. */
export const loadTransferSteps = () => ({
  source: defineStep('copy-source', ['nodes', 'copying', 'key', 'apps'], plain),
  begin: defineStep('copy-begin', ['copying', 'key', 'epochs']),
  finish: defineStep('copy-finish', ['key', 'copying'], plain),

  exportUser: defineStep('export-user', ['user', 'sessions'], plain),
  exportMessages: defineStep('export-messages', ['user', 'inbox', 'unread', 'aging', 'counts'], withInbox),
  exportId: defineStep('export-id', ['id'], plain),
  exportCopy: defineStep('export-id', ['copy'], plain),
  exportTokens: defineStep('export-tokens', ['tokens'], plain),
  exportRevoked: defineStep('export-revoked', ['revoked'], plain),

  importUser: defineStep('import-user', ['user', 'users', 'counts', 'deadlines'], plain),
  importMessages: defineStep('import-messages', ['user', 'inbox', 'unread', 'aging', 'counts'], withInbox),
  importId: defineStep('import-id', ['id'], plain),
  importCopy: defineStep('import-id', ['copy'], plain),
  importToken: defineStep('import-token', ['token', 'tokens'], plain),
  importEvent: defineStep('import-event', ['events', 'owed', 'failed', 'queue', 'due', 'counts'], withEvents),
})
