// One file out of an archive, streamed: what a tenant asks for in five years. A request with a body, since a file's name may be
// anything; and a change in the audit's eyes, since it hands a tenant's data out.
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { subjectNamed } from '../../domain/subject.js'
import { type Member, openMember } from '../../jobs/extract-archive.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, archiveParams, SECURITY } from '../shapes.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const KEY_BYTES_MAX = 1024
const OCTETS = 'application/octet-stream'

const asked = z.strictObject({
  file: z
    .string()
    .min(1)
    .max(KEY_BYTES_MAX)
    .describe('As the archive lists it: documents/contract.pdf, database.dump'),
})

const content = {
  description: 'The file. Repr-Digest has its SHA-256; an answer that is cut short is not the file.',
  content: { [OCTETS]: { schema: z.string().meta({ format: 'binary' }) } },
}

export function extractionRoutes(server: ApiServer, works: Works): void {
  const schema = {
    tags: ['archives'],
    summary: 'One file out of an archive: by its index a few stretches of it are read, not all of it',
    security: SECURITY,
    params: archiveParams,
    body: asked,
    response: answers({ 200: content }),
  }
  const config = { needs: 'operator', changes: 'archive-extract' } as const
  server.post(
    '/tenants/:tenant/archives/:archive/extractions',
    { schema, config },
    async (request, reply) => {
      const { tenant, archive } = request.params
      const { file: member } = request.body
      const subject = subjectNamed(tenant)
      request.about = subject
      assertSees(callerOf(request), subject)
      request.note = `${archive}: ${JSON.stringify(member)}`
      const parts = await works.freshParts()
      const found = await openMember(parts, { subject, archive, member }, works.stopping)
      return headed(reply as unknown as FastifyReply, member, found).send(
        Readable.from(found.content),
      ) as never
    },
  )
}

function headed(reply: FastifyReply, member: string, { bytes, sha256 }: Member): FastifyReply {
  const name = encodeURIComponent((member.split('/').pop() ?? '').toWellFormed())
  reply.type(OCTETS)
  reply.header('content-disposition', `attachment; filename*=UTF-8''${name}`)
  if (bytes !== null) reply.header('content-length', bytes)
  if (sha256 !== null)
    reply.header('repr-digest', `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`)
  return reply
}
