// Keeps a copy of the playbooks in the store, in plain text: they must outlive this machine, and need no key to be read.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asFailure } from '../domain/errors.js'
import { playbookKey } from '../store/keys.js'
import type { Store } from '../store/port.js'
import { listFiles } from '../sys/list-files.js'

/** Puts those that are new or changed. @returns their names. @throws Failure store-*. */
export async function publishPlaybooks(store: Store, folder: string): Promise<string[]> {
  const published: string[] = []
  for (const file of listFiles(folder, '.md')) {
    const text = readFileSync(join(folder, file))
    const key = playbookKey(file)
    const there = await store.get(key).catch(thrown => {
      if (asFailure(thrown).code === 'object-missing') return null
      throw thrown
    })
    if (there && text.equals(there.body)) continue
    await store.put(key, text)
    published.push(file)
  }
  return published
}
