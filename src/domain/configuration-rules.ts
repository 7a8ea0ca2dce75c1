// What must hold between the keys of the configuration, beyond each one's own shape: each rule says what and what to type instead.
import { isIP } from 'node:net'
import { alertProblems, alertWarnings } from './alerts-schema.js'
import type { RawConfiguration } from './configuration-schema.js'

export interface Finding {
  path: readonly string[]
  message: string
  hint: string
}

export interface Findings {
  problems: Finding[]
  /** Lawful, but worth a second thought. */
  warnings: Finding[]
}

const finding = (path: string, message: string, hint: string): Finding => ({
  path: path.split('.'),
  message,
  hint,
})

/** Every rule on every section that could be read; no problems means that the sections make sense together. */
export function checkConfiguration(raw: Partial<RawConfiguration>): Findings {
  const { store, files, postgres, keys, dump, drills, hetzner, daemon, alerts } = raw
  return {
    problems: [
      ...(store ? storeProblems(store, 'store') : []),
      ...(files?.store ? storeProblems(files.store, 'files.store') : []),
      ...(postgres ? postgresProblems(postgres) : []),
      ...(dump ? dumpProblems(dump) : []),
      ...(drills ? drillsProblems(drills) : []),
      ...(hetzner ? hetznerProblems(hetzner) : []),
      ...(daemon ? daemonProblems(daemon) : []),
      ...(alerts ? alertProblems(alerts) : []),
    ],
    warnings: [
      ...(postgres ? postgresWarnings(postgres) : []),
      ...(keys ? keysWarnings(keys) : []),
      ...(alerts ? alertWarnings(alerts) : []),
    ],
  }
}

/** Of gmah-backup.example.yaml, and of half the pages about age. */
const EXAMPLE_RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'

function keysWarnings({ recovery_recipients: recipients }: RawConfiguration['keys']): Finding[] {
  if (!recipients.includes(EXAMPLE_RECIPIENT)) return []
  return [
    finding(
      'keys.recovery_recipients',
      "holds the example's key: it opens nothing for you, and its owner could open every backup",
      'put the age1… of your own recovery identity in its place, then type `gmah-backup keys rotate`',
    ),
  ]
}

function storeProblems(store: RawConfiguration['store'], path: string): Finding[] {
  if (store.type !== 's3') return []
  const { secret_access_key: secret, secret_access_key_file: secretFile } = store
  return [
    ...endpointProblems(store.endpoint, `${path}.endpoint`),
    ...secretProblems(path, 'access_key_id', store.access_key_id, store.access_key_id_file, true),
    ...secretProblems(path, 'secret_access_key', secret, secretFile, true),
  ]
}

function hetznerProblems({ token, token_file: file, endpoint }: RawConfiguration['hetzner']): Finding[] {
  return [
    ...secretProblems('hetzner', 'token', token, file, false),
    ...endpointProblems(endpoint, 'hetzner.endpoint', 'https://api.hetzner.cloud/v1'),
  ]
}

function endpointProblems(
  endpoint: string,
  path: string,
  example = 'https://<account>.r2.cloudflarestorage.com',
): Finding[] {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (!url || !/^https?:$/.test(url.protocol)) {
    return [finding(path, 'must be a URL', `write it like ${example}`)]
  }
  if (url.username || url.password) {
    return [
      finding(path, 'must not hold credentials', 'write secrets into files of mode 0600, and name those'),
    ]
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return [finding(path, 'must be https unless it is on this machine', `write https://${url.host}`)]
  }
  return []
}

function secretProblems(
  section: string,
  key: string,
  value: unknown,
  file: unknown,
  needed: boolean,
): Finding[] {
  if (value !== undefined && file !== undefined) {
    return [finding(`${section}.${key}`, `is given twice, here and as ${key}_file`, 'keep only the file')]
  }
  if (needed && value === undefined && file === undefined) {
    const hint = `write ${key}_file: and the path of a file of mode 0600`
    return [finding(`${section}.${key}_file`, 'is missing', hint)]
  }
  return []
}

function postgresProblems(postgres: RawConfiguration['postgres']): Finding[] {
  return [
    ...secretProblems('postgres', 'password', postgres.password, postgres.password_file, false),
    ...secretProblems(
      'postgres.pgbouncer',
      'password',
      postgres.pgbouncer?.password,
      postgres.pgbouncer?.password_file,
      false,
    ),
    ...patternProblems(postgres.tenants.pattern, postgres.master),
    ...(postgres.ssl_mode.startsWith('verify') && postgres.host.startsWith('/')
      ? [finding('postgres.ssl_mode', 'cannot be verified on a socket', 'write ssl_mode: prefer')]
      : []),
  ]
}

function patternProblems(pattern: string, master: string): Finding[] {
  const path = 'postgres.tenants.pattern'
  let compiled: RegExp
  try {
    compiled = new RegExp(pattern, 'u')
  } catch (error) {
    return [
      finding(
        path,
        `is no regular expression: ${(error as Error).message}`,
        'write it like ^gmah_org_(?<tenant>.+)$',
      ),
    ]
  }
  if (!/\(\?<tenant>/.test(pattern)) {
    return [
      finding(
        path,
        'has no group called tenant',
        "put (?<tenant>…) around the part that is the tenant's name",
      ),
    ]
  }
  if (compiled.test(master)) {
    return [
      finding(
        path,
        `matches the master database ${master} too`,
        "anchor it with ^ and $ and the tenants' own prefix",
      ),
    ]
  }
  return []
}

function dumpProblems(dump: RawConfiguration['dump']): Finding[] {
  const { min, average, max } = dump.cutter
  const problems: Finding[] = []
  if (!(min < average && average < max)) {
    problems.push(
      finding(
        'dump.cutter',
        'must have min < average < max',
        'leave the section out to get 256KiB, 1MiB, 4MiB',
      ),
    )
  }
  if ((average & (average - 1)) !== 0) {
    problems.push(finding('dump.cutter.average', 'must be a power of two', 'write 512KiB, 1MiB or 2MiB'))
  }
  if (dump.connections < dump.concurrency * 2) {
    const hint = `write connections: ${dump.concurrency * 2} or more: each dump holds two`
    problems.push(finding('dump.connections', `is too few for ${dump.concurrency} dumps at once`, hint))
  }
  return problems
}

function drillsProblems({ scratch_server: server, assertions }: RawConfiguration['drills']): Finding[] {
  const names = assertions.map(one => one.name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  return [
    ...(server
      ? secretProblems('drills.scratch_server', 'password', server.password, server.password_file, false)
      : []),
    ...(twice === undefined
      ? []
      : [finding('drills.assertions', `has two called ${twice}`, 'give each one a name of its own')]),
  ]
}

function daemonProblems(daemon: RawConfiguration['daemon']): Finding[] {
  const { host, tls, behind_proxy: behindProxy } = daemon.http
  if (isLoopback(host) || tls || behindProxy) return []
  const hint =
    'write 127.0.0.1, or daemon.http.tls with a certificate, or behind_proxy: true when a proxy ends TLS in front'
  return [finding('daemon.http.host', 'would carry tokens in the clear beyond this machine', hint)]
}

function postgresWarnings(postgres: RawConfiguration['postgres']): Finding[] {
  const local = postgres.host.startsWith('/') || isLoopback(postgres.host)
  if (local || !['disable', 'prefer'].includes(postgres.ssl_mode)) return []
  const message = `${postgres.ssl_mode} lets the way to ${postgres.host} be unencrypted`
  return [
    finding(
      'postgres.ssl_mode',
      message,
      'write ssl_mode: verify-full, with ssl_root_certificate_file where needed',
    ),
  ]
}

/** True for localhost and the loopback addresses. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}
