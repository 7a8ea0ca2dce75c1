// The API on a whole installation, asked without a port: real journal, store and tokens; PostgreSQL where the test gives one.
import type { InjectOptions } from 'fastify'
import { onTestFinished } from 'vitest'
import { channelStandings } from '../../src/alerts.js'
import { createMetrics } from '../../src/api/metrics.js'
import { createServer } from '../../src/api/server.js'
import { addV1 } from '../../src/api/v1.js'
import type { Door } from '../../src/api/works.js'
import type { Role } from '../../src/domain/role.js'
import { subjectNamed } from '../../src/domain/subject.js'
import { createScheduler } from '../../src/jobs/scheduler.js'
import type { PostgresTarget } from '../../src/postgres/target.js'
import { systemClock } from '../../src/sys/clock.js'
import { silentLogger } from '../../src/sys/log.js'
import { type InstallationOptions, install } from './installation.js'

/** Nobody listens there. */
export const NO_SERVER = { host: '/nowhere', port: 5432, user: 'nobody' } as PostgresTarget

export interface ApiOptions extends InstallationOptions {
  door?: Door
  behindProxy?: boolean
}

export async function openApi(target: PostgresTarget = NO_SERVER, options: ApiOptions = {}) {
  const here = await install(target, options)
  const clock = options.clock ?? systemClock
  const log = silentLogger()
  const { app } = here
  const { schedules } = app.parts().config
  const scheduler = createScheduler(
    { ...app, clock, log, busy: () => false, launch: async () => {} },
    schedules,
  )
  const stopping = new AbortController()
  const metrics = createMetrics({
    journal: app.journal,
    schedules: () => schedules,
    catalogue: app.parts().catalogue,
    present: () => [],
    incidents: () => app.alerts.ledger.openIncidents(),
    channels: () => channelStandings(app),
    clock,
    version: '0.1.0',
  })
  const health = {
    journal: app.journal,
    clock,
    store: () => ({ lastSuccessAt: clock.now(), failure: null }),
    schedules: scheduler.status,
    stopping: stopping.signal,
    metrics,
    log,
    version: '0.1.0',
  }
  const server = createServer(health, { behindProxy: options.behindProxy ?? false })
  const works = {
    ...app,
    clock,
    scheduler,
    freshParts: async () => app.parts(),
    sendDigest: async () => ({ outcome: 'succeeded' as const }),
    stopping: stopping.signal,
    version: '0.1.0',
  }
  addV1(server, works, options.door ?? { kind: 'port', requestsPerMinute: 100_000 })
  onTestFinished(async () => {
    await app.runner.idle()
    await server.close()
    metrics.close()
    await here.remove()
  })
  const token = (role: Role, tenants: string[] | null = null, expiresAt: Date | null = null) =>
    app.tokens.create({
      name: `${role} ${tenants ?? ''} ${app.tokens.list().length}`,
      role,
      tenants: tenants?.map(subjectNamed) ?? null,
      expiresAt,
    }).secret
  const ask = async (
    method: InjectOptions['method'],
    url: string,
    {
      as,
      body,
      headers = {},
      ...more
    }: { as?: string; body?: object; headers?: Record<string, string> } & Pick<
      InjectOptions,
      'remoteAddress'
    > = {},
  ) => {
    const authorization = as === undefined ? {} : { authorization: `Bearer ${as}` }
    const request = {
      method,
      url,
      headers: { ...authorization, ...headers },
      ...(body ? { payload: body } : {}),
      ...more,
    }
    const answer = await server.inject(request as InjectOptions)
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      json: () => answer.json(),
    }
  }
  return { here, app, server, works, scheduler, stopping, token, ask }
}
