import type { UserRecord, UserRef } from '../../engine.js'

/** A user as it is stored. The ids are in the key. With the ids and the names of the fields, the row would be three times as long. */
export type StoredUser = [
  createdAt: UserRecord['createdAt'],
  claimed: UserRecord['claimed'],
  vouched: UserRecord['vouched'],
  vouchedAt: UserRecord['vouchedAt'],
  setAt?: number,
]

export const storedUserOf = ({ createdAt, claimed, vouched, vouchedAt, setAt }: UserRecord): StoredUser =>
  setAt === undefined
    ? [createdAt, claimed, vouched, vouchedAt]
    : [createdAt, claimed, vouched, vouchedAt, setAt]

export const userRecordOf = (
  { appId, userId }: UserRef,
  [createdAt, claimed, vouched, vouchedAt, setAt]: StoredUser,
): UserRecord => {
  const record = { appId, userId, vouched, vouchedAt, claimed, createdAt }
  return setAt === undefined ? record : { ...record, setAt }
}
