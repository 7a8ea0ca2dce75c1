// The configuration of a recovery, from the few words that an operator has at hand when everything else is gone.
import { stringify } from 'yaml'
import { Failure } from '../domain/errors.js'

export interface RecoveryWords {
  /** A folder's absolute path, or `https://ENDPOINT/BUCKET[/PREFIX]`. */
  store: string
  /** Absolute path of an age identity that opens the backups. */
  identityFile: string
  /** Its public half. */
  recipient: string
  host: string
  port: number
  user: string
}

/** Where the keys of a bucket are taken from; the names that every S3 tool knows. */
const KEY_VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const

/**
 * The text of a configuration file for `config.ts` to read and check like any other. It holds no secret: a bucket's keys
 * stay in the environment.
 * @throws Failure usage when the store is neither a path nor such an address.
 */
export function recoveryConfiguration(words: RecoveryWords): string {
  const { identityFile, recipient, host, port, user } = words
  return stringify({
    state_directory: 'state',
    schedules_directory: 'schedules',
    store: storeSection(words.store),
    postgres: { host, port, user },
    keys: { operational_identity_file: identityFile, recovery_recipients: [recipient] },
  })
}

function storeSection(store: string): Record<string, string> {
  if (!/^https?:\/\//.test(store)) return { type: 'directory', path: store }
  const { origin, pathname } = new URL(store)
  const [bucket = '', ...prefix] = decodeURIComponent(pathname).split('/').filter(Boolean)
  if (bucket === '') {
    throw new Failure('usage', `no bucket in ${store}`, {
      hint: 'give a folder, or https://ACCOUNT.eu.r2.cloudflarestorage.com/BUCKET with the prefix behind it, if there is one',
    })
  }
  const [id, secret] = KEY_VARIABLES
  return {
    type: 's3',
    endpoint: origin,
    bucket,
    access_key_id: `\${${id}}`,
    secret_access_key: `\${${secret}}`,
    ...(prefix.length > 0 ? { prefix: `${prefix.join('/')}/` } : {}),
  }
}
