// A real S3 endpoint on this machine: Cloudflare's own R2 simulator, in memory, on a free port, without a network.
import { randomBytes } from 'node:crypto'
import { Miniflare } from 'miniflare'

export interface R2 {
  endpoint: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  stop(): Promise<void>
}

/** Starts an empty bucket. */
export async function startR2(): Promise<R2> {
  const bucket = 'backups'
  const accessKeyId = randomBytes(16).toString('hex')
  const secretAccessKey = randomBytes(32).toString('hex')
  const simulator = new Miniflare({
    modules: true,
    script: 'export default {}',
    r2Buckets: { BACKUPS: { id: bucket, s3Credentials: { accessKeyId, secretAccessKey } } },
  })
  const address = await simulator.ready
  return {
    endpoint: `${address.origin}/cdn-cgi/local/r2/s3`,
    bucket,
    accessKeyId,
    secretAccessKey,
    stop: () => simulator.dispose(),
  }
}
