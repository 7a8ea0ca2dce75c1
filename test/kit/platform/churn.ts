// One working day in one tenant: new rows, changes of recent ones, a few deletions.
import { type Changes, connected, type PlatformServer, runScripts } from './scripts.js'
import { tenantDatabase, tenantSeed } from './seed.js'

/**
 * Changes about `fraction` of the rows, the recent ones first, in one transaction. Each call is another day.
 * @returns how many rows; those that triggers wrote are not counted.
 */
export async function churn(
  server: PlatformServer,
  tenant: string,
  fraction = 0.01,
  options: { seed?: number } = {},
): Promise<Changes> {
  const variables = { seed: tenantSeed(tenant, options.seed ?? 1), scale: 1, fraction }
  return await connected(server, tenantDatabase(tenant), async client => {
    await client.query('SET ROLE gmah_owner')
    return await runScripts(client, ['functions', 'churn-functions', 'churn'], variables)
  })
}
