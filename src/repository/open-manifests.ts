// All manifests of a subject, newest first, some fetched ahead: what a listing names is given, opened or with why it is not.
import { asFailure, type Failure } from '../domain/errors.js'
import type { Manifest } from '../domain/manifest.js'
import type { TenantKey } from '../seal/tenant-key.js'
import type { ManifestName } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { listManifests, readManifest } from './manifests.js'

export interface OpenedManifest {
  name: ManifestName
  /** The failure of whatever kept it from being opened, the store's own included. */
  opened: Manifest | Failure
}

/** @throws Failure store-* when the listing does not come to its end. */
export async function* openManifests(
  store: Store,
  key: TenantKey,
  { signal, transfers = 8 }: { signal?: AbortSignal; transfers?: number } = {},
): AsyncGenerator<OpenedManifest> {
  const how = signal ? { signal } : {}
  const names = await listManifests(store, key.subject, how)
  const ahead: Promise<OpenedManifest>[] = []
  const open = async (name: ManifestName): Promise<OpenedManifest> => {
    const opened = await readManifest(store, key, name, how).catch(asFailure)
    return { name, opened }
  }
  for (const name of names) {
    ahead.push(open(name))
    if (ahead.length >= transfers) yield await (ahead.shift() as Promise<OpenedManifest>)
  }
  for (const one of ahead) yield await one
}
