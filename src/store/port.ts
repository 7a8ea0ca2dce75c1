// The store port: what every object store promises here, whichever vendor is behind it.
// Objects are whole buffers of at most a few MiB (a chunk or a manifest); archives, and the application's files that go into
// them, have doors of their own: a put of unknown length, and reading by range.

export interface StoredObject {
  key: string
  bytes: number
  /** Last write, by the store's clock. */
  modifiedAt: Date
  /** What the object is now, as getRange gives it; absent where a listing does not tell. */
  version?: string
}

export interface PutOptions {
  /** `absent`: fail with store-conflict when the key exists. An etag: fail unless the object still has it. */
  when?: 'absent' | { etag: string }
  /**
   * It need not survive a crash of the machine until a put without this has resolved: a directory then has one sync for many.
   * Default `now`.
   */
  durable?: 'now' | 'later'
  signal?: AbortSignal
}

export interface ListOptions {
  after?: string
  /** What is listed may be named by what is put from now on: until then it must survive a crash too, whoever has put it. */
  toBeNamed?: boolean
  signal?: AbortSignal
}

export interface StreamPutOptions {
  /** At least the length of the stream, roughly: S3 wants parts of one size and at most 10,000 of them. */
  expectedBytes: number
  /** Kept for years and hardly read: where the store has a cheaper class for that, it goes there. */
  archival?: boolean
  /** Called before the first byte is stored with the id under which a half upload could be found again (abortUpload). */
  onUpload?: (id: string) => void
  signal?: AbortSignal
}

export interface Range {
  start: number
  /** At most so many; fewer only at the object's end. */
  bytes: number
}

export interface Piece {
  body: Uint8Array
  /** Of the whole object. */
  totalBytes: number
  /** Another one means that the object is another one. */
  version: string
  modifiedAt: Date
}

/** A put of unknown length that was begun and neither completed nor aborted. */
export interface OpenUpload {
  key: string
  id: string
}

/**
 * Keys obey checkKey (key-law.ts) in every driver. A key that is ever put under a condition is always put under one
 * (directories keep conditional puts apart from each other only). A fired signal ends any call with Failure interrupted,
 * or with the signal's reason when that is a Failure.
 */
export interface Store {
  /** For people and logs: where this is, without secrets. */
  readonly name: string

  /**
   * Stores the whole object or nothing: no reader ever sees a part of it, and after the promise resolves it survives a crash
   * (see `durable`). Safe to call again with the same bytes. `body` may be memory that threads share; until the promise has
   * resolved nobody may write to it, then the caller may. @returns the new etag, to be looked at before that.
   * @throws Failure store-conflict when `when` does not hold; store-* otherwise.
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<{ etag: string }>

  /** The whole object. @throws Failure object-missing when there is none; object-corrupt when the body came short; store-* otherwise. */
  get(key: string, options?: { signal?: AbortSignal }): Promise<{ body: Uint8Array; etag: string }>

  /**
   * Stores all that `body` gives, or nothing, where no object is yet. Memory is two parts, whatever the length. No reader ever
   * sees a half; when this rejects, what was sent is aborted, unless the store could not be reached for that either.
   * Parts are tried again by the store itself; the whole cannot be, since the stream is gone.
   * @throws Failure store-conflict when the object exists; what `body` throws; store-* otherwise.
   */
  putStream(
    key: string,
    body: AsyncIterable<Uint8Array>,
    options: StreamPutOptions,
  ): Promise<{ etag: string }>

  /**
   * A stretch of an object; empty from its end on. With `version` (from a piece read before, or a listing) only of that very one.
   * @throws Failure object-missing; store-conflict when the object is another one by now; object-corrupt when it came short.
   */
  getRange(key: string, range: Range, options?: { version?: string; signal?: AbortSignal }): Promise<Piece>

  /** Half uploads below `prefix`. @throws Failure store-refused where the store cannot tell. */
  uploads(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<OpenUpload>

  /** Frees what a half upload holds; one that is not there any more is success. */
  abortUpload(upload: OpenUpload, options?: { signal?: AbortSignal }): Promise<void>

  /** Null when there is no such object. */
  head(
    key: string,
    options?: { signal?: AbortSignal },
  ): Promise<{ bytes: number; etag: string; modifiedAt: Date } | null>

  /**
   * Every object whose key starts with `prefix`, in ascending order of the keys' UTF-8 bytes. Strongly consistent.
   * `after` leaves out the keys up to and with it. Ends early only by throwing: a listing that completes is complete.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<StoredObject>

  /**
   * The names one level below `prefix` (empty, or ending in `/`), each ending in `/`, in ascending order,
   * without listing what they hold: `folders('tenants/')` gives `acme/`, `beta/`.
   */
  folders(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<string>

  /** Removes the object; one that is not there is success. @throws Failure store-locked when a bucket lock holds it. */
  delete(key: string, options?: { signal?: AbortSignal }): Promise<void>
}
