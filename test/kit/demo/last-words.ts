// The demo's last words: what is where, what it cost, and what to type next. Each command that is printed works as it stands.
import { bytesText, secondsText } from '../../../src/cli/output.js'
import type { DemoInstallation } from './installation.js'
import type { Narrator } from './narrator.js'
import type { DemoPlatform, Kept } from './platform.js'

export interface Night {
  dumpedBytes: number
  storedBytes: number
  seconds: number
}

/** What the story came to. */
export interface Ending {
  here: DemoInstallation
  first: Night
  second: Night
  /** The tenant that was restored, the database it went into, the table that is only there, and the backup's id. */
  tenant: string
  live: string
  restored: string
  table: string
  backup: string
}

export function summary(say: Narrator, { folder }: DemoPlatform, { first, second }: Ending): void {
  say.step('What it cost, and what is where', [])
  const night = ({ dumpedBytes, storedBytes, seconds }: Night) =>
    `${bytesText(dumpedBytes)} dumped, ${bytesText(storedBytes)} stored, ${secondsText(seconds)}`
  for (const [name, text] of [
    ['first night', night(first)],
    ['second night', night(second)],
    ['backups', `${folder}/store (all of it encrypted)`],
    ['keys', `${folder}/operational-identity.txt and recovery.txt`],
    ['journal', `${folder}/state (a cache: the store is the truth)`],
  ] as const) {
    say.line(`${name.padEnd(14)}${text}`)
  }
}

export function farewell(say: Narrator, { folder }: DemoPlatform): void {
  say.step('What to type next', [])
  say.line(`Server and folder are removed: ${folder}`)
  say.line('Keep them, with the daemon running on them:  npm run demo -- --keep')
  say.line('Your own platform, in ten minutes:           README.md')
}

export function nextCommands(
  say: Narrator,
  { folder, server }: DemoPlatform,
  ending: Ending,
  kept: Kept,
): void {
  const { here, tenant, live, restored, table, backup } = ending
  const cli = `node dist/src/cli.js -c ${here.configFile}`
  const on = `-h ${folder}/postgres -U ${server.user}`
  say.step('What to type next', [
    `The daemon (process ${kept.daemonPid}) works on the kept platform; its next night is at 01:30.`,
  ])
  for (const [what, command] of [
    ['is everyone inside their windows', `${cli} status`],
    ['who is there, and what drifted', `${cli} tenants`],
    ['what the store holds', `${cli} backups ${tenant}`],
    ['one backup, table by table', `${cli} backup show ${backup}`],
    ['another restore, proven', `${cli} restore globex --as globex_copy`],
    ['what is kept of it, and why', `${cli} retention plan ${tenant}`],
    ['what happened so far', `${cli} runs`],
    ['is the daemon well', `curl -s ${kept.address}/healthz`],
    [
      `the dropped table, back into the live database`,
      `pg_dump ${on} -t ${table} ${restored} | psql -q -o /dev/null ${on} ${live}`,
    ],
    ['end it all: daemon, server, folder', `kill ${kept.keeperPid}`],
  ] as const) {
    say.line(`# ${what}`)
    say.command(command)
  }
}
