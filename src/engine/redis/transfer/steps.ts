import { StepLibrary } from '../script.js'

const reads = { repeatable: true, effect: 'reads' } as const
const grows = { repeatable: true, effect: 'grows' } as const

/** Makes the steps that only a transfer uses. */
export const loadTransferSteps = () => {
  const library = new StepLibrary()
  const step = library.step.bind(library)
  const batchStep = library.batchStep.bind(library)
  return {
    source: step(
      'transfer/export/transfer-source',
      ['nodes', 'transfer', 'key', 'apps', 'appNotes', 'state'],
      reads,
    ),
    begin: step('transfer/import/transfer-begin', ['transfer', 'key', 'epochs'], { effect: 'grows' }),
    clear: step('transfer/import/transfer-clear', [], { repeatable: true }),
    finish: step('transfer/import/transfer-finish', ['key', 'transfer'], grows),

    exportUser: step('transfer/export/export-user', ['user', 'sessions'], reads),
    exportMessages: step(
      'transfer/export/export-messages',
      ['user', 'inbox', 'unread', 'aging', 'counts'],
      reads,
    ),
    exportMarks: step('transfer/export/export-marks', ['unread'], reads),
    exportId: step('transfer/export/export-id', ['id'], reads),
    exportOwnCopy: step('transfer/export/export-id', ['own'], reads),
    exportMoving: batchStep('transfer/export/export-moving', ['deadlines'], { effect: 'reads' }),
    exportTokens: step('transfer/export/export-tokens', ['tokens'], reads),
    exportRevoked: step('transfer/export/export-revoked', ['revoked'], reads),

    importUser: step('transfer/import/import-user', ['user', 'users', 'counts', 'deadlines'], grows),
    importMarks: step('transfer/import/import-marks', ['user', 'unread'], grows),
    importMessages: step(
      'transfer/import/import-messages',
      ['user', 'inbox', 'unread', 'aging', 'peerLog', 'counts', 'held'],
      grows,
    ),
    importId: step('transfer/import/import-id', ['id'], grows),
    importOwnCopy: step('transfer/import/import-id', ['own'], grows),
    importAdopted: step('transfer/import/import-id', ['adopted'], grows),
    importToken: step('transfer/import/import-token', ['token', 'tokens'], grows),
    importEvent: step(
      'transfer/import/import-event',
      ['events', 'pending', 'failed', 'queue', 'due', 'counts', 'numbers'],
      grows,
    ),
  }
}
