// What the alerts say of jobs, the daemon, keys, the store, the disk and the channels, in English.
import type { RuleWords } from './words.js'

export const ENGLISH_MACHINE = {
  'job-failed': {
    title: '{cause} failed',
    meaning: 'The job did nothing, or not all of it. What was stored before is untouched.',
    next: ['gmah-backup runs {run}'],
  },
  'job-partial': {
    title: '{cause} ended partial',
    meaning: 'A part of the job was left undone.',
    next: ['gmah-backup runs {run}'],
  },
  'job-late': {
    title: '{cause} is late',
    line: 'last success of {detail}',
    meaning: 'Its last success is older than its freshness window allows.',
    next: ['gmah-backup schedules', 'gmah-backup runs'],
  },
  'run-missed': {
    title: '{cause} was missed',
    meaning: 'It came due while nobody could run it, and its schedule says not to catch up.',
    next: ['gmah-backup schedules'],
  },
  'config-refused': {
    title: 'the new configuration was refused',
    meaning: 'The last good one stays in force, over a restart too. What you changed has no effect.',
    next: ['gmah-backup config check'],
  },
  'lease-taken-over': {
    title: 'the store’s lease was taken over',
    meaning: 'Expected after a crash or a move. If another machine is still at work, stop it.',
    next: ['gmah-backup runs'],
  },
  'lease-lost': {
    title: 'the store’s lease was lost',
    meaning:
      'The daemon stopped, so that never two work on one store. Is another one running? Stop one of the two. Was the store away for minutes? PM2 starts it again.',
    next: ['pm2 list', 'gmah-backup runs'],
  },
  'daemon-crashed': {
    title: 'the daemon restarted after a crash',
    meaning: 'It did not stop in good order. Interrupted runs are made up for; named here if there were any.',
    next: ['gmah-backup runs', 'pm2 logs gmah-backup'],
  },
  'keys-changed': {
    title: 'keys were made or rotated',
    meaning: 'These recipients can open the backups from now on. If you did not do this, somebody else did.',
    next: ['gmah-backup keys show'],
  },
  'key-only-here': {
    title: 'a key that only this machine holds',
    meaning: 'If this machine is lost, nobody can open the backups.',
    next: ['age-keygen -o recovery.txt   # on another machine', 'gmah-backup keys rotate'],
  },
  'store-unreachable': {
    title: 'the store cannot be used ({cause})',
    meaning: 'Nothing can be backed up or restored until it answers again.',
    next: ['curl -s http://127.0.0.1:9178/readyz', 'gmah-backup config check'],
  },
  'disk-low': {
    title: 'the disk is about to run out',
    meaning: 'The journal and test restores need space; PostgreSQL on the same disk would stop.',
    next: ['df -h', 'gmah-backup runs'],
  },
  'expiry-near': {
    title: 'a token is about to end: {details}',
    meaning: 'From that day on nothing can be stored or restored with it.',
    next: ['make a new one, put it into its file, then: pm2 reload gmah-backup', 'change alerts.expiries'],
  },
  'clock-jumped': {
    title: 'the clock jumped',
    meaning: 'Schedules and instants of backups follow the clock. Look whether time synchronisation works.',
    next: ['timedatectl'],
  },
  'clock-skewed': {
    title: 'this machine’s clock is not the store’s ({details})',
    meaning:
      'Instants of backups would be wrong, and a store refuses every request once clocks are 15 minutes apart.',
    next: ['timedatectl', 'date -u'],
  },
  'alerts-broken': {
    title: 'alerts cannot be kept any more ({cause})',
    meaning: 'Until this is repaired nothing else is told. Backups may fail of the same.',
    next: ['df -h', 'gmah-backup alert list'],
  },
  'heartbeat-failing': {
    title: 'the heartbeat is not heard: {cause}',
    meaning: 'Backups are not touched by this, but who listens for it will soon say that they are not made.',
    next: ['curl -v "$(cat URL_FILE)"   # its url_file in alerts.heartbeats'],
  },
  'channel-failing': {
    title: 'alerts do not get through: {cause}',
    meaning:
      'Backups are not touched by this. What this way should have told waits, and comes when it works again.',
    next: ['gmah-backup alert test {cause}'],
  },
} satisfies Record<string, RuleWords>
