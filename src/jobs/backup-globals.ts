// The backup of what no database holds: roles, memberships, settings and tablespaces, as pg_dumpall's script.
import type { Socket } from 'node:net'
import { newBackupId } from '../domain/ids.js'
import { FORMAT, type Manifest } from '../domain/manifest.js'
import { GLOBALS } from '../domain/subject.js'
import { explainGlobalsEnd, startGlobalsDump } from '../postgres/globals.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { commitManifest } from '../repository/manifests.js'
import { ensureTenantKey } from '../repository/tenant-keys.js'
import { builtFile } from '../sys/built.js'
import type { BackupRequest, JobContext, Parts } from './parts.js'
import { storeDump } from './store-dump.js'
import { withSubjectLease } from './subject-lease.js'

/** Backs the globals up. @throws Failure of whatever stage broke. */
export function backupGlobals(
  parts: Parts,
  server: { versionNum: number },
  request: BackupRequest,
  outer: JobContext,
): Promise<Manifest> {
  return withSubjectLease(parts, GLOBALS, outer, async (context, confirm) => {
    const startedAt = parts.clock.now()
    const { postgres, dump } = parts.config
    const key = await ensureTenantKey(parts.repository, GLOBALS)
    const tool = await findTool('pg_dumpall', majorOf(server.versionNum), {
      directory: postgres.toolsDirectory,
    })
    const start = async (output: Socket) => {
      const program = { target: postgres, tool, politeness: dump, signal: context.signal, output }
      return (await startGlobalsDump(program)).child
    }
    const observer = builtFile(import.meta.url, '../postgres/globals-observer.js').href
    const written = await storeDump(
      parts,
      key,
      { subject: GLOBALS, start, observer, explain: explainGlobalsEnd },
      context,
    )
    const finishedAt = parts.clock.now()
    const manifest: Manifest = {
      format: FORMAT,
      tool: parts.tool,
      backup: newBackupId(),
      subject: GLOBALS,
      kind: request.kind,
      label: request.label,
      instant: startedAt.toISOString(),
      startedAt: startedAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
      stream: { type: 'sql', bytes: written.bytes, head: written.head },
      cutter: { algorithm: 'gear1', ...parts.repository.cutter },
      chunks: written.chunks,
      dump: null,
      stored: written.stored,
      durations: { totalSeconds: Math.max(0, (finishedAt.getTime() - startedAt.getTime()) / 1000) },
    }
    context.signal.throwIfAborted()
    confirm()
    await commitManifest(parts.repository.store, key, manifest)
    parts.catalogue.record(manifest)
    return manifest
  })
}
