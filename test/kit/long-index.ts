// The archive of a tenant whose index is longer than one part of an upload: many files with the longest names there are.
// `node long-index.js <configuration> <tenant> <month>` makes one in a process of its own, which can be killed.
import { pathToFileURL } from 'node:url'
import type { App } from '../../src/app.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { ARCHIVE } from '../../src/jobs/errands-store.js'
import type { RunResult } from '../../src/jobs/runner.js'
import { open } from './installation.js'
import { madeUpFiles } from './made-up-files.js'

/** Of each there is a kilobyte in the index: 8.8 MB, where a part is 8 MiB. */
export const FILES = 8200
/** Longer ones would get another name in the archive. */
const FOLDERS = ['a', 'b', 'c'].map(letter => letter.repeat(250)).join('/')

/** One run, journalled. */
export function archiveOfManyFiles(app: App, tenant: string, month: string): Promise<RunResult> {
  const subject = subjectNamed(tenant)
  const files = madeUpFiles(FILES, n => `${FOLDERS}/${String(n).padStart(200, '0')}`)
  return app.runner.run({ name: ARCHIVE.name, subject, trigger: 'manual' }, context =>
    ARCHIVE.perform({ ...app.parts(), files }, { subject, month, backup: 'latest' }, context),
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , config = '', tenant = '', month = ''] = process.argv
  await archiveOfManyFiles(await open(config, {}), tenant, month)
  // Whoever waits for our death must not take this for it.
  process.exit(3)
}
