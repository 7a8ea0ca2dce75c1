// The operator's keys: made once, shown without secrets, and the wrapping of every tenant's key renewed without touching data.
import { readFileSync } from 'node:fs'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { KeysConfig } from '../domain/configuration.js'
import { asFailure, Failure } from '../domain/errors.js'
import { shellWord } from '../domain/shell-word.js'
import type { SubjectId } from '../domain/subject.js'
import { listSubjects } from '../repository/manifests.js'
import type { Keyring } from '../repository/repository.js'
import { rewrapTenantKey } from '../repository/tenant-keys.js'
import { generateIdentity, parseIdentityFile, recipientOf } from '../seal/age-keys.js'
import type { Clock } from '../sys/clock.js'
import type { JobContext, Parts } from './parts.js'
import { withSubjectLease } from './subject-lease.js'

/** The text of an age identity file with one new key, as age-keygen writes it. */
export async function newIdentityFile(clock: Clock): Promise<{ text: string; recipient: string }> {
  const { identity, recipient } = await generateIdentity()
  return {
    text: `# created: ${clock.now().toISOString()}\n# public key: ${recipient}\n${identity}\n`,
    recipient,
  }
}

/**
 * Makes the operational identity. @returns its recipient.
 * @throws Failure file-exists: an identity is never overwritten, since that would lose what only it opens.
 */
export async function initKeys(keys: KeysConfig, clock: Clock): Promise<string> {
  const file = keys.operationalIdentityFile
  const { text, recipient } = await newIdentityFile(clock)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeDurably(file, text, 'wx')
  return recipient
}

/**
 * The keys at hand: those in the operational identity file, or in `identityFile` when one is given (recovery).
 * @throws Failure key-missing, key-invalid.
 */
export async function loadKeyring(keys: KeysConfig, identityFile: string | null): Promise<Keyring> {
  const identities = await (identityFile === null
    ? readIdentities(keys.operationalIdentityFile)
    : readIdentities(identityFile).catch(askedFor))
  const [own] = identityFile
    ? await readIdentities(keys.operationalIdentityFile).catch(() => identities)
    : identities
  const recipients = [await recipientOf(own as string), ...keys.recoveryRecipients]
  return { identities, recipients: [...new Set(recipients)] }
}

/** A wrong path after --identity is no reason to make a new key. */
function askedFor(thrown: unknown): never {
  const failure = asFailure(thrown)
  if (failure.code !== 'key-missing') throw failure
  throw new Failure('key-missing', failure.message, { hint: 'check the path after --identity' })
}

export interface RotationReport {
  /** Who can open what was wrapped anew. */
  recipients: readonly string[]
  rewrapped: SubjectId[]
  failed: { subject: SubjectId; failure: Failure }[]
}

/**
 * Wraps every tenant's key to today's recipients: after a recovery recipient was added or dropped, or, with
 * `newIdentity`, to a new operational identity. The old identity leaves the file only when no key needs it any more.
 * The tenants' keys are opened with every identity at hand, so a recovery identity does when the operational one is lost.
 * @throws Failure key-missing when there is no operational identity to wrap for, and none is to be made.
 */
export async function rotateKeys(
  parts: Parts,
  options: { newIdentity: boolean },
  context: JobContext,
): Promise<RotationReport> {
  const { keys } = parts.config
  const file = keys.operationalIdentityFile
  const made = options.newIdentity ? await newIdentityFile(parts.clock) : null
  if (made) await putInFront(file, made.text)
  const own = await loadKeyring(keys, null)
  const keyring = { ...own, identities: [...own.identities, ...parts.repository.keyring.identities] }
  const report: RotationReport = { recipients: own.recipients, rewrapped: [], failed: [] }
  for (const subject of await listSubjects(parts.repository.store, context)) {
    context.signal.throwIfAborted()
    try {
      await withSubjectLease(parts, subject, context, () =>
        rewrapTenantKey(parts.repository.store, keyring, subject),
      )
      report.rewrapped.push(subject)
    } catch (thrown) {
      report.failed.push({ subject, failure: asFailure(thrown) })
    }
  }
  if (made && report.failed.length === 0) await writeDurably(file, made.text, 'w')
  return report
}

/** The new identity comes first, so it is the one that keys are wrapped for; those that were there still open. */
async function putInFront(file: string, text: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return ''
    throw cause
  })
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeDurably(file, text + before, 'w')
}

/** The public half of a file's first identity. @throws Failure key-missing, key-invalid. */
export function recipientOfIdentityFile(file: string): string {
  const [identity = ''] = parseIdentityFile(readIdentityText(file))
  return recipientOf(identity)
}

function readIdentityText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new Failure('key-missing', `there is no identity in ${file} (${code})`)
    if (code !== 'EACCES' && code !== 'EPERM')
      throw new Failure('key-invalid', `there is no identity that can be read in ${file} (${code})`, {
        cause,
      })
    throw new Failure('file-denied', `the identity file ${file} cannot be read (${code})`, {
      cause,
      hint: `it is there: let the user who types this read it, \`install -m 600 -o USER ${shellWord(file)} WHERE-USER-MAY-READ\``,
    })
  }
}

async function readIdentities(file: string): Promise<string[]> {
  const identities = parseIdentityFile(readIdentityText(file))
  if (identities.length === 0) throw new Failure('key-invalid', `${file} holds no age identity`)
  return identities
}

/** Whole or not at all, and on disk before it returns: a half-written identity would be a lost one. */
async function writeDurably(file: string, text: string, flag: 'w' | 'wx'): Promise<void> {
  const target = flag === 'wx' ? file : `${file}.new`
  const handle = await open(target, flag === 'wx' ? 'wx' : 'w', 0o600).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST')
        throw new Failure('file-exists', `there is an identity in ${file} already`, {
          hint: 'keep it; type `gmah-backup keys show`, or `gmah-backup keys rotate --new-identity` to replace it',
        })
      throw cause
    },
  )
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  if (target !== file) await rename(target, file)
  const folder = await open(dirname(file))
  await folder.sync().finally(() => folder.close())
}
