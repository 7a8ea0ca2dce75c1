// The store port: what every object store promises here, whichever vendor is behind it.
// Objects are whole buffers of at most a few MiB (a chunk or a manifest); archives get their own streaming door.

export interface StoredObject {
  key: string
  bytes: number
  /** Last write, by the store's clock. */
  modifiedAt: Date
}

export interface PutOptions {
  /** `absent`: fail with store-conflict when the key exists. An etag: fail unless the object still has it. */
  when?: 'absent' | { etag: string }
  signal?: AbortSignal
}

export interface ListOptions {
  after?: string
  signal?: AbortSignal
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
   * Stores the whole object or nothing: no reader ever sees a part of it, and after the promise resolves it survives a crash.
   * Safe to call again with the same bytes. @returns the new etag.
   * @throws Failure store-conflict when `when` does not hold; store-* otherwise.
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<{ etag: string }>

  /** The whole object. @throws Failure object-missing when there is none; object-corrupt when the body came short; store-* otherwise. */
  get(key: string, options?: { signal?: AbortSignal }): Promise<{ body: Uint8Array; etag: string }>

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
