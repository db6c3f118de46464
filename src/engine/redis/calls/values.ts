/** An argument of a step. The script gets a number as text, true as `1`, and false, null and undefined as the empty text. */
export type Arg = string | number | boolean | null | undefined

/** An argument that may be missing. */
export type Maybe<T extends Arg> = T | false | null | undefined

/** A number, or the text of one, as the script gets it. */
export type Numeric = number | `${number}`

/** What a step takes and returns. Among what it returns, a 1 says yes, and a 0 says no. */
export interface Call<Takes extends readonly Arg[], Returns extends readonly unknown[]> {
  takes: Takes
  returns: Returns
}

type TextOf<T> = T extends string ? T : T extends number ? `${T}` : T extends true ? '1' : ''

/** Arguments as a script gets them. */
export type Texts<Args extends readonly Arg[]> = { readonly [N in keyof Args]: TextOf<Args[N]> }

/** What a script returns, so that the caller gets `Returns`: Redis turns `false` into null, and drops the fraction of a number. */
export type Values<Returns> = Returns extends null
  ? false
  : Returns extends readonly unknown[]
    ? { [N in keyof Returns]: Values<Returns[N]> }
    : Returns

/** The state of an inbox. `epoch` is the number of the epoch, and `unread` the number of unread messages. */
export type InboxReply = [epoch: number, offset: number, readOffset: number, unread: number]
