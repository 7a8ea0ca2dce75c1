// `archive create | list | show | extract | verify`: the monthly long-term archives.
import type { Command } from 'commander'
import { monthOf, parseMonth } from '../domain/archive-name.js'
import { EXIT } from '../domain/errors.js'
import { subjectNamed } from '../domain/subject.js'
import { archiveLine, archivesText, contentsJson, contentsLines, unindexedText } from './archive-text.js'
import { act, type Desk, type Doors } from './desk.js'
import { bytesText, counted, show, showLines } from './output.js'
import { watched } from './progress.js'

export function archiveCommand(program: Command, doors: Doors): void {
  const archive = program
    .command('archive')
    .description('monthly archives: a database and its files, for years')
  createCommand(archive, doors)
  listCommand(archive, doors)
  showCommand(archive, doors)
  extractCommand(archive, doors)
  verifyCommand(archive, doors)
}

const TENANT = 'a tenant, or platform/master'
const WHICH = 'latest, or a name as `archive list` shows it, like 2026-12'

function createCommand(archive: Command, doors: Doors): void {
  archive
    .command('create')
    .argument('<tenant>', TENANT)
    .option('--month <yyyy-mm>', 'the month it is named after', parseMonth)
    .option('--backup <which>', 'made from: latest, a backup id, or an instant', 'latest')
    .description("archive a tenant's newest backup and its files, now; a second one of a month is called …-2")
    .action((tenant: string, _options, command: Command) =>
      act<{ month?: string; backup: string }>(doors, command, async ({ desk, terminal, options }) => {
        const { ARCHIVE } = await import('../jobs/errands-store.js')
        const month = options.month ?? monthOf(desk.clock.now(), zoneOf(desk))
        const request = { subject: subjectNamed(tenant), month, backup: options.backup }
        const made = await watched(terminal, desk.clock, watch => desk.errand(ARCHIVE, request, watch))
        const { frames: _, ...facts } = made
        show(terminal, facts, () => archiveLine(made))
        return made.missing > 0 ? EXIT.partial : undefined
      }),
    )
}

/** The month is the wall clock's where the schedule is. */
const zoneOf = ({ config }: Desk): string =>
  config.schedules.find(one => one.job === 'archive-tenants')?.timeZone ?? 'UTC'

function listCommand(archive: Command, doors: Doors): void {
  archive
    .command('list')
    .argument('[tenant]', TENANT)
    .description('list the archives, newest first; needs no key')
    .action((tenant: string | undefined, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { listAllArchives } = await import('../jobs/list-archives.js')
        const wanted = tenant === undefined ? null : subjectNamed(tenant)
        show(terminal, await listAllArchives(desk, wanted), archivesText)
        return undefined
      }),
    )
}

function showCommand(archive: Command, doors: Doors): void {
  archive
    .command('show')
    .argument('<tenant>', TENANT)
    .argument('[archive]', WHICH, 'latest')
    .description('what is in an archive: every file with its size, and what could not be archived')
    .action((tenant: string, which: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { archiveItems, openArchive } = await import('../jobs/open-archive.js')
        const signal = new AbortController().signal
        const archive = await openArchive(desk, subjectNamed(tenant), which, signal)
        const { stored, head } = archive
        if (!head) show(terminal, stored, unindexedText)
        else
          await showLines(
            terminal,
            (terminal.json ? contentsJson : contentsLines)(head, archiveItems(archive)),
          )
        return undefined
      }),
    )
}

function extractCommand(archive: Command, doors: Doors): void {
  archive
    .command('extract')
    .argument('<tenant>', TENANT)
    .argument('<archive>', WHICH)
    .argument('<file>', 'as `archive show` lists it, like documents/contract.pdf or database.dump')
    .requiredOption('--to <path>', 'the new file; nothing is overwritten')
    .description('one file out of an archive, without reading the rest')
    .action((tenant: string, which: string, member: string, _options, command: Command) =>
      act<{ to: string }>(doors, command, async ({ desk, terminal, options }) => {
        const { extractArchive } = await import('../jobs/extract-archive.js')
        const request = { subject: subjectNamed(tenant), archive: which, member, file: options.to }
        const job = { name: 'archive-extract', subject: request.subject }
        const report = await watched(terminal, desk.clock, watch =>
          desk.run(job, async context => ({
            outcome: 'succeeded',
            result: await extractArchive(desk, request, { ...context, watch }),
          })),
        )
        show(terminal, { ...report, file: options.to }, () => `${options.to}: ${bytesText(report.bytes)}`)
        return undefined
      }),
    )
}

function verifyCommand(archive: Command, doors: Doors): void {
  archive
    .command('verify')
    .argument('<tenant>', TENANT)
    .argument('[archive]', WHICH, 'latest')
    .description('read all of an archive and hold every byte against its sums')
    .action((tenant: string, which: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const { ARCHIVE_VERIFY } = await import('../jobs/errands-store.js')
        const request = { subject: subjectNamed(tenant), archive: which }
        const report = await watched(terminal, desk.clock, watch =>
          desk.errand(ARCHIVE_VERIFY, request, watch),
        )
        const what = `${counted(report.members, 'file')}, ${bytesText(report.bytes)}`
        const note = report.indexed ? '' : '; it has no index, so single files take a whole reading'
        show(terminal, report, () => `${report.archive} is sound: ${what}${note}`)
        return undefined
      }),
    )
}
