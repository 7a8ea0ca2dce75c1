// What the alerts say of backups, proofs, restores, archives and retention, in English.
import type { RuleWords } from './words.js'

export const ENGLISH_DATA = {
  'backup-failed': {
    title: 'backup failed: {who}',
    meaning: 'Tonight’s state is not safe. What was backed up before can still be restored.',
    next: ['gmah-backup runs {run}', 'gmah-backup backup {each}'],
  },
  'backup-late': {
    title: 'no backup inside the window: {who}',
    meaning: 'A disaster now would lose everything since then.',
    line: 'last backup: {detail}',
    next: ['gmah-backup runs', 'gmah-backup backup {each}'],
  },
  'backup-shrunk': {
    title: 'much smaller than usual: {who}',
    meaning:
      'The backup is sound, but rows are gone from the database. If nobody deleted them on purpose, the older backups hold them.',
    next: ['gmah-backup backups {first}', 'gmah-backup restore {first} --backup ID --as {first}_check'],
  },
  'discovery-problem': {
    title: 'the server could not be seen whole',
    meaning: 'A tenant that was not seen was not backed up.',
    next: ['gmah-backup tenants'],
  },
  drift: {
    title: 'databases and tenants disagree ({cause})',
    meaning:
      'A database that no tenant owns is backed up all the same. A tenant without a database is not; one that vanished, or is not covered any more, is no longer.',
    next: ['gmah-backup tenants'],
  },
  'schemas-left': {
    title: 'a restore left unproven tables in a live database: {who}',
    meaning:
      'This machine does not know that restore, so nothing is dropped unasked. The tables take disk there, and are in each backup. If no other machine is restoring just now, drop them.',
    next: ['gmah-backup runs'],
  },
  'objects-damaged': {
    title: 'damaged objects in the store: {who}',
    meaning:
      'Backups that need them cannot be restored. What is still needed is stored anew by the next backup.',
    next: ['gmah-backup backup {each}', 'gmah-backup check {each}', 'gmah-backup backups {first}'],
  },
  'backups-vanished': {
    title: 'backups are gone from the store: {who}',
    meaning:
      'No sweep of this machine took them: a lifecycle rule, a hand or another machine did. What is left can be restored; bring back deleted versions if the bucket keeps any.',
    next: ['gmah-backup backups {first}', 'gmah-backup backup {each}'],
  },
  'check-problem': {
    title: 'a check found what cannot be used: {who}',
    meaning:
      'A key or a manifest in the store is not as it must be: backups may not open, here or on a new machine.',
    next: ['gmah-backup runs {run}', 'gmah-backup keys rotate'],
  },
  'check-failed': {
    title: 'the check failed: {who}',
    meaning: 'This says nothing about the backups, but nobody has looked whether they are whole.',
    next: ['gmah-backup runs {run}'],
  },
  'proof-failed': {
    title: 'a test restore failed: {who}',
    meaning: 'Do not rely on this backup. Another one may be sound: see which, before it is needed.',
    next: ['gmah-backup runs {run}', 'gmah-backup backups {first}'],
  },
  'proof-old': {
    title: 'not proven for too long: {who}',
    line: 'last proof: {detail}',
    meaning: 'Backups are made, but nobody knows whether they can be restored.',
    next: ['gmah-backup schedules', 'gmah-backup runs'],
  },
  'proof-impossible': {
    title: 'no room to prove: {who}',
    meaning: 'The test restore needs more disk than there is. Backups are made, but not proven.',
    line: 'needed > free: {detail}',
    next: ['df -h', 'set drills.scratch_directory to a larger disk, or drills.scratch_server'],
  },
  'drill-failed': {
    title: 'a test restore could not be judged: {who}',
    meaning: 'This says nothing about the backup, but its proof gets older.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-started': {
    title: 'a restore started: {who}',
    meaning: 'Nothing existing is overwritten.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-finished': {
    title: 'a restore finished: {who}',
    meaning: 'The restored database was compared with the backup, and is equal.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-failed': {
    title: 'a restore failed: {who}',
    meaning: 'Nothing is left under the asked name. The backup is untouched.',
    next: ['gmah-backup runs {run}'],
  },
  'run-cancelled': {
    title: 'cancelled: {details}',
    meaning: 'Somebody ended it before its time. Nothing is left half, and nothing is asked of you.',
    next: ['gmah-backup runs {run}'],
  },
  'backup-passed-over': {
    title: 'a restore took an older backup: {who}',
    meaning: 'A newer one is broken. What changed since the older one is not in what was restored.',
    next: ['gmah-backup runs {run}', 'gmah-backup backups {first}'],
  },
  'playbook-notice': {
    title: 'a playbook says: {details}',
    meaning: 'A restore plan is being carried out. Nothing is asked of you.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-waiting': {
    title: 'a restore in place waits for approval: {who}',
    meaning: 'Somebody wants to replace live data, and a second person must agree: {details}.',
    next: [
      'curl -X POST -H "Authorization: Bearer $TOKEN" "$GMAH_BACKUP_URL/v1/restores/plans/{scope}/approvals"',
    ],
  },
  'playbook-waiting': {
    title: 'a playbook waits for an answer: {cause}',
    meaning: 'A restore stands still until somebody answers the question.',
    next: ['gmah-backup playbook approve {scope}'],
  },
  'swap-finished': {
    title: 'a restored database is in use: {who}',
    meaning: 'The tenant works on it. The old database is kept for a while, under the name given here.',
    next: ['gmah-backup runs {run}'],
  },
  'restore-undone': {
    title: 'a restore was undone: {who}',
    meaning:
      'The tenant works on the database of before. What was restored is kept for a while, under the name given here.',
    next: ['gmah-backup restore list'],
  },
  'swap-repaired': {
    title: 'a swap that was cut short was put right: {who}',
    meaning: 'Look which of the two databases the tenant works on now.',
    next: ['gmah-backup runs {run}', 'gmah-backup tenants'],
  },
  'snapshot-failed': {
    title: 'a server has no new snapshot: {who}',
    meaning:
      'Older snapshots were not touched, and neither were the nightly backups. The next run finishes what was begun.',
    next: ['gmah-backup snapshot list', 'gmah-backup runs {run}'],
  },
  'snapshot-warning': {
    title: 'something to know about a snapshot: {who}',
    meaning: 'The snapshot is made; read what it does not hold, or what went wrong beside it.',
    next: ['gmah-backup runs {run}'],
  },
  'server-left-off': {
    title: 'a server was shut down for its snapshot and is still off: {who}',
    meaning: 'Its tenants are away until somebody starts it: Hetzner console, the server, power on.',
    next: ['gmah-backup runs {run}'],
  },
  'archive-failed': {
    title: 'the monthly archive failed: {who}',
    meaning: 'The nightly backups are not touched by this. The month has no long-term copy of it yet.',
    next: ['gmah-backup runs {run}'],
  },
  'archive-incomplete': {
    title: 'an archive lacks files: {who}',
    meaning: 'Files changed or went while the archive was written; exceptions.json inside names them.',
    line: '− missing, ± changed: {detail}',
    next: ['gmah-backup runs {run}'],
  },
  'archive-damaged': {
    title: 'a damaged archive: {who}',
    meaning: 'This month’s long-term copy cannot be relied on. Archives of other months may be sound.',
    next: ['gmah-backup runs {run}'],
  },
  'archive-unproven': {
    title: 'an archive could not be test-restored: {who}',
    meaning: 'This says nothing about the archive, but nobody knows whether it can be restored.',
    next: ['gmah-backup runs {run}'],
  },
  'retention-blocked': {
    title: 'retention deleted nothing, or not all it should ({cause})',
    meaning:
      'Nothing was lost: more is kept than the policy asks for. It stays so until a person has looked.',
    next: ['gmah-backup runs {run}'],
  },
  'sweep-failed': {
    title: 'the sweep failed: {who}',
    meaning: 'What should have been deleted is still there. Nothing that is needed is gone.',
    next: ['gmah-backup runs {run}'],
  },
  'subject-departed': {
    title: 'its database is gone: {who}',
    meaning: 'Its backups are kept until then, whatever the policy says.',
    line: 'gone since → kept until: {detail}',
    next: ['gmah-backup tenants', 'gmah-backup backups {first}'],
  },
} satisfies Record<string, RuleWords>
