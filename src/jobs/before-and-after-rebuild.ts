// What lies on both sides of a rebuild: a snapshot of what is there now, while it can still be had, and which tenants are older
// in the snapshot than in the bucket, so that a person knows what to type once the server is back.
import { instantMs } from '../domain/ids.js'
import { shellWord } from '../domain/shell-word.js'
import { MANUAL, MANUAL_LIMITS } from '../domain/snapshot-settings.js'
import { GLOBALS, subjectName } from '../domain/subject.js'
import { requestSnapshot } from '../hetzner/request-snapshot.js'
import { actionEndedIfKnown, imageReady } from '../hetzner/wait.js'
import { listManifests, listSubjects } from '../repository/manifests.js'
import type { Outpost } from './list-snapshots.js'
import type { RebuildPlan } from './rebuild-server.js'
import { type WholeImage, writeSheet } from './recovery-sheet.js'
import { hetznerOf } from './snapshot-servers.js'

/**
 * One of ours, by hand: no schedule removes it.
 * @throws Failure snapshot-limit, server-locked, snapshot-failed, hetzner-*; nothing of the server was changed.
 */
export async function snapshotBeforeRebuild(
  outpost: Outpost,
  { server }: RebuildPlan,
  signal: AbortSignal,
): Promise<WholeImage> {
  const { clock } = outpost
  const hetzner = hetznerOf(outpost)
  const { lockWaitMs, snapshotDeadlineMs: deadlineMs } = MANUAL_LIMITS
  const label = `before-rebuild-${Math.floor(clock.now().getTime() / 1000)}`
  const description = `gmah-backup of ${server.name}, before a rebuild`
  const request = { server, marks: { label, schedule: MANUAL }, description, protect: false }
  const asked = await requestSnapshot(hetzner, request, { clock, signal, lockWaitMs, deadlineMs })
  const patience = { clock, signal, untilTicks: clock.ticks() + deadlineMs }
  if (asked.action !== null) await actionEndedIfKnown(hetzner, asked.action, patience)
  const image = await imageReady(hetzner, asked.image, patience)
  await writeSheet(outpost, hetzner, { server, image, signal })
  return image
}

/** What to type on the server once it answers: each subject that has a younger backup than the snapshot, the master first. */
export async function commandsAfterRebuild(
  { repository: { store } }: Outpost,
  { server, image }: RebuildPlan,
  signal: AbortSignal,
): Promise<string[]> {
  const since = Date.parse(image.created)
  const younger: string[] = []
  for (const subject of await listSubjects(store)) {
    if (subject === GLOBALS) continue
    const [newest] = await listManifests(store, subject, { signal })
    if (newest && instantMs(newest.instant) > since) younger.push(subjectName(subject))
  }
  const run = (name: string) =>
    `sudo -u gmah_backup gmah-backup playbook run vps-from-snapshot --set ${shellWord(`tenant=${name}`)}`
  return [
    `ssh root@${server.public_net.ipv4?.ip ?? server.name}`,
    'pm2 stop gmah-backup',
    ...younger.map(run),
    'pm2 start gmah-backup',
    'gmah-backup status',
  ]
}
