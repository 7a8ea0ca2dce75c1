// The backup of one database, tenant or master: one consistent dump, cut, sealed, stored, then committed by its manifest.
import type { Socket } from 'node:net'
import { newBackupId } from '../domain/ids.js'
import { type DumpFacts, FORMAT, type Manifest } from '../domain/manifest.js'
import type { Subject } from '../domain/subject.js'
import type { ArchiveFacts } from '../postgres/archive/reader.js'
import { explainDumpEnd, startDump } from '../postgres/dump.js'
import { assertReadable } from '../postgres/preflight.js'
import { openSnapshot, type Snapshot } from '../postgres/snapshot.js'
import { findTool, majorOf } from '../postgres/tools.js'
import { commitManifest } from '../repository/manifests.js'
import { ensureTenantKey } from '../repository/tenant-keys.js'
import type { WrittenStream } from '../repository/write-stream.js'
import { builtFile } from '../sys/built.js'
import type { ChildResult } from '../sys/child.js'
import type { BackupRequest, JobContext, Parts } from './parts.js'
import { storeDump } from './store-dump.js'
import { withSubjectLease } from './subject-lease.js'
import { tellUnproven } from './tell-unproven.js'

export type DatabaseSubject = Exclude<Subject, { kind: 'globals' }>

/**
 * Backs one database up. When this resolves the backup exists; when it rejects it does not, and what was stored of it
 * is found again by the next try.
 * @throws Failure of whatever stage broke; subject-busy when another run works on the subject.
 */
export function backupTenant(
  parts: Parts,
  subject: DatabaseSubject,
  request: BackupRequest,
  outer: JobContext,
): Promise<Manifest> {
  return withSubjectLease(parts, subject.id, outer, async (leased, confirm) => {
    const startedAt = parts.clock.now()
    const { postgres } = parts.config
    const key = await ensureTenantKey(parts.repository, subject.id)
    const snapshot = await openSnapshot(postgres, subject.database, { signal: leased.signal })
    // A dump whose snapshot is gone cannot be of one instant any more.
    const context = { ...leased, signal: AbortSignal.any([leased.signal, snapshot.lost]) }
    try {
      await assertReadable(snapshot.session)
      await tellUnproven(parts, subject.id, snapshot.session, context)
      const tool = await findTool('pg_dump', majorOf(snapshot.server.versionNum), {
        directory: postgres.toolsDirectory,
      })
      const start = (output: Socket) =>
        startDump({
          target: postgres,
          database: subject.database,
          tool,
          snapshotId: snapshot.snapshotId,
          lockWaitTimeoutMs: postgres.lockWaitTimeoutMs,
          politeness: parts.config.dump,
          signal: context.signal,
          output,
        })
      const explain = (end: ChildResult) => explainDumpEnd(end, subject.database)
      const source = { subject: subject.id, start, observer: archiveObserver(), explain }
      const written = await storeDump(parts, key, source, context)
      const manifest = composeManifest(parts, subject, request, {
        startedAt,
        snapshot,
        written,
        client: tool.version,
      })
      context.signal.throwIfAborted()
      confirm()
      await commitManifest(parts.repository.store, key, manifest)
      parts.catalogue.record(manifest)
      return manifest
    } finally {
      await snapshot.release()
    }
  })
}

/** The module that reads the archive as it passes; see postgres/archive/observer.ts. */
const archiveObserver = (): string => builtFile(import.meta.url, '../postgres/archive/observer.js').href

interface Ingredients {
  startedAt: Date
  snapshot: Snapshot
  written: WrittenStream
  client: string
}

function composeManifest(
  parts: Parts,
  subject: DatabaseSubject,
  request: BackupRequest,
  made: Ingredients,
): Manifest {
  const { startedAt, snapshot, written, client } = made
  const finishedAt = parts.clock.now()
  return {
    format: FORMAT,
    tool: parts.tool,
    backup: newBackupId(),
    subject: subject.id,
    kind: request.kind,
    label: request.label,
    instant: snapshot.instant.toISOString(),
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    stream: { type: 'pg_dump', bytes: written.bytes, head: written.head },
    cutter: { algorithm: 'gear1', ...parts.repository.cutter },
    chunks: written.chunks,
    dump: dumpFacts(snapshot, written.facts as ArchiveFacts, client),
    stored: written.stored,
    durations: { totalSeconds: Math.max(0, (finishedAt.getTime() - startedAt.getTime()) / 1000) },
  }
}

function dumpFacts(snapshot: Snapshot, facts: ArchiveFacts, client: string): DumpFacts {
  const { properties, extensions, server, lsn } = snapshot
  const { tables, largeObjects, sequences, entries } = facts
  return {
    server: { version: server.version, versionNum: server.versionNum, lsn },
    client: { version: client },
    database: properties,
    extensions,
    roles: [...new Set([...facts.roles, ...snapshot.roles])].sort(),
    tables,
    largeObjects,
    sequences,
    entries,
  }
}
