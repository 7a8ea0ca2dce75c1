// node dist/bench/archives.js [--megabytes n] [--files n] [--file-kilobytes n] [--r2] (after npm run build): one archive of a
// tenant's dump and files, in a process as PM2 starts it: MB of it a second, what it became, its memory, its event loop.
import { parseArgs } from 'node:util'
import { s3Store } from '../src/store/s3.js'
import { applicationFile } from '../test/kit/archives.js'
import { startCluster } from '../test/kit/cluster.js'
import { install } from '../test/kit/installation.js'
import { noise } from '../test/kit/noise.js'
import { seedPlatform } from '../test/kit/platform/seed.js'
import { startR2 } from '../test/kit/r2.js'
import { inProcess } from './ours.js'

const MB = 1_000_000
const TENANT = 'large'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '200' },
    files: { type: 'string', default: '1000' },
    'file-kilobytes': { type: 'string', default: '250' },
    r2: { type: 'boolean', default: false },
  },
})
const megabytes = Number(values.megabytes)
const files = Number(values.files)
const fileBytes = Number(values['file-kilobytes']) * 1000

const cluster = await startCluster()
const r2 = values.r2 ? await startR2() : null
const store = r2 && {
  type: 's3',
  endpoint: r2.endpoint,
  bucket: r2.bucket,
  access_key_id: r2.accessKeyId,
  secret_access_key: r2.secretAccessKey,
}
const here = await install(cluster.target, store ? { config: { store } } : {})
try {
  await seedPlatform(cluster.target, { tenants: [TENANT], megabytesPerTenant: megabytes })
  for (let n = 0; n < files; n++) {
    // Documents are compressed already.
    const key = `tenants/${TENANT}/documents/${n}.pdf`
    if (r2) await s3Store(r2).put(key, noise(fileBytes, n))
    else applicationFile(here, key, noise(fileBytes, n))
  }
  await here.night({ names: [TENANT] })
  const { report, whole } = await inProcess(here, { job: 'archive', tenant: TENANT })
  const tarMegabytes = (report.tarBytes ?? 0) / MB
  const figures = {
    tarMegabytes,
    storedMegabytes: (report.storedBytes ?? 0) / MB,
    seconds: report.seconds,
    megabytesPerSecond: tarMegabytes / report.seconds,
    cpuSeconds: whole.cpuSeconds,
    rssMegabytes: report.rssBytes / MB,
    loopP99Ms: report.loopP99Ms,
  }
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
} finally {
  await here.remove()
  await r2?.stop()
  await cluster.stop()
}
