// /v1/tokens: who may come in. Tokens are made on the command line alone: a stolen one must not be able to make others.
import { z } from 'zod'
import { ROLES } from '../../domain/role.js'
import { subjectName } from '../../domain/subject.js'
import type { Token } from '../../jobs/tokens.js'
import { assertSees } from '../caller.js'
import { callerOf } from '../guard.js'
import { answers, SECURITY } from '../shapes.js'
import type { ApiServer } from '../typed.js'
import type { Works } from '../works.js'

const shape = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  tenants: z.array(z.string()).nullable(),
  createdAt: z.date(),
  expiresAt: z.date().nullable(),
  revokedAt: z.date().nullable(),
})

const view = ({ tenants, ...token }: Token): z.output<typeof shape> => ({
  ...token,
  tenants: tenants?.map(subjectName) ?? null,
})

const tags = ['tokens']

export function tokenRoutes(server: ApiServer, works: Works): void {
  const list = {
    tags,
    summary: 'Every token there is or was; never the token itself',
    security: SECURITY,
    response: answers({ 200: z.strictObject({ tokens: z.array(shape) }) }),
  }
  server.get('/tokens', { schema: list, config: { needs: 'admin' } }, async request => {
    assertSees(callerOf(request), null)
    return { tokens: works.tokens.list().map(view) }
  })
  const revoke = {
    tags,
    summary: 'Revoke a token at once',
    security: SECURITY,
    params: z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/) }),
    response: answers({ 200: shape }),
  }
  server.delete(
    '/tokens/:id',
    { schema: revoke, config: { needs: 'admin', changes: 'token revoke' } },
    async request => {
      assertSees(callerOf(request), null)
      return view(works.tokens.revoke(request.params.id))
    },
  )
}
