import { defineBatchStep, defineStep } from '../script.js'

const withInbox = { parts: ['inbox'], repeatable: true } as const
const withEvents = { parts: ['queue', 'events'], repeatable: true } as const
const plain = { repeatable: true } as const

/** Makes the steps that only a transfer uses. */
export const loadTransferSteps = () => ({
  source: defineStep('transfer/export/transfer-source', ['nodes', 'transfer', 'key', 'apps'], plain),
  begin: defineStep('transfer/import/transfer-begin', ['transfer', 'key', 'epochs']),
  finish: defineStep('transfer/import/transfer-finish', ['key', 'transfer'], plain),

  exportUser: defineStep('transfer/export/export-user', ['user', 'sessions'], plain),
  exportMessages: defineStep(
    'transfer/export/export-messages',
    ['user', 'inbox', 'unread', 'aging', 'counts'],
    withInbox,
  ),
  exportMarks: defineStep('transfer/export/export-marks', ['unread'], plain),
  exportId: defineStep('transfer/export/export-id', ['id'], plain),
  exportOwnCopy: defineStep('transfer/export/export-id', ['own'], plain),
  exportMoving: defineBatchStep('transfer/export/export-moving', ['deadlines']),
  exportTokens: defineStep('transfer/export/export-tokens', ['tokens'], plain),
  exportRevoked: defineStep('transfer/export/export-revoked', ['revoked'], plain),

  importUser: defineStep('transfer/import/import-user', ['user', 'users', 'counts', 'deadlines'], plain),
  importMarks: defineStep('transfer/import/import-marks', ['user', 'unread'], plain),
  importMessages: defineStep(
    'transfer/import/import-messages',
    ['user', 'inbox', 'unread', 'aging', 'peers', 'counts', 'held'],
    withInbox,
  ),
  importId: defineStep('transfer/import/import-id', ['id'], plain),
  importOwnCopy: defineStep('transfer/import/import-id', ['own'], plain),
  importAdopted: defineStep('transfer/import/import-id', ['adopted'], plain),
  importToken: defineStep('transfer/import/import-token', ['token', 'tokens'], plain),
  importEvent: defineStep(
    'transfer/import/import-event',
    ['events', 'pending', 'failed', 'queue', 'due', 'counts'],
    withEvents,
  ),
})
