// A process that takes a lease on a store (a directory, or what GMAH_TEST_LEASE_STORE says), says what came of it on one line, and holds it until it is killed.
import { asFailure } from '../../src/domain/errors.js'
import { acquireLease } from '../../src/repository/lease.js'
import { openStore } from '../../src/store/open.js'
import { systemClock } from '../../src/sys/clock.js'
import { ownIdentity } from '../../src/sys/process-identity.js'

const [, , path = '', key = ''] = process.argv
const given = process.env.GMAH_TEST_LEASE_STORE
const store = openStore(
  given ? JSON.parse(given) : { type: 'directory', path, prefix: '', bandwidthBytesPerSecond: null },
  { clock: systemClock },
)
const holder = { ...ownIdentity(), purpose: 'test child' }
try {
  await acquireLease(store, key, holder, { clock: systemClock })
  process.stdout.write('held\n')
} catch (thrown) {
  process.stdout.write(`${asFailure(thrown).code}\n`)
}
// Held or refused, it stays until it is killed: a racer that left would make its lease free for the next.
setInterval(() => {}, 1_000)
