/*
 * Names of fields that the script for a script tag shortens: nobody outside of it knows them. A test compares them with what a
 * page, the wire and the browser know. None may stand in a string, as in `hasOwnProperty('name')`.
 */

/** Between modules of ours. */
const ours = [
  'alive',
  'answered',
  'arrived',
  'asked',
  'attempt',
  'credentialsSet',
  'deliver',
  'facts',
  'failures',
  'farewell',
  'fault',
  'fetchable',
  'garbled',
  'greeting',
  'holders',
  'lapsesAt',
  'listen',
  'misses',
  'opened',
  'overslept',
  'plain',
  'proof',
  'refusals',
  'settle',
  'settledAt',
  'showState',
  'shown',
  'silentAt',
  'startFrame',
  'startHeader',
  'takeOver',
  'wanted',
  'what',
  'woken',
]

/** Between ReactiveElement and classes that extend it; ours does without them. */
const lits = [
  'converter',
  'createProperty',
  'elementStyles',
  'enableUpdating',
  'finalize',
  'finalizeStyles',
  'firstUpdated',
  'fromAttribute',
  'getPropertyDescriptor',
  'getPropertyOptions',
  'getUpdateComplete',
  'hasChanged',
  'hasUpdated',
  'isUpdatePending',
  'noAccessor',
  'performUpdate',
  'reflect',
  'renderRoot',
  'scheduleUpdate',
  'shadowRootOptions',
  'shouldUpdate',
  'toAttribute',
  'useDefault',
  'willUpdate',
  'wrapped',
]

export const shortened = [...ours, ...lits]
