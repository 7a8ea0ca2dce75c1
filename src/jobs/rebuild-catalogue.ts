// The catalogue from the store alone: nothing that a restore needs lives only on this machine.
import type { RefreshReport } from '../repository/catalogue.js'
import type { JobContext, Parts } from './parts.js'

export async function rebuildCatalogue(
  parts: Parts,
  context: JobContext,
): Promise<{ outcome: 'succeeded' | 'partial'; result: RefreshReport }> {
  const result = await parts.catalogue.refresh(parts.repository, { from: 'nothing' })
  const { subjects, backups, problems } = result
  context.emit({ type: 'catalogue-rebuilt', subjects, backups, problems: problems.length })
  return { outcome: problems.length > 0 ? 'partial' : 'succeeded', result }
}
