// `config check --online`: the store's promises, PostgreSQL, its tools and our rights, tried one by one.
import { EXIT } from '../domain/errors.js'
import type { OnlineStep } from '../jobs/check-online.js'
import { oneLine } from './cells.js'
import { atDesk, type Doors, type GlobalOptions } from './desk.js'
import { counted, failureText, show, type Terminal } from './output.js'

/** Longer than any one step may take by itself. */
const LIMIT_MS = 600_000

/** Sets the exit status: that of the first thing that failed. @param offline what the check of the files found, for JSON. */
export function checkConfigOnline(
  doors: Doors,
  options: GlobalOptions,
  terminal: Terminal,
  offline: object,
): Promise<void> {
  return atDesk(doors, options, terminal, async desk => {
    const { checkOnline } = await import('../jobs/check-online.js')
    const tell = (step: OnlineStep): void => {
      if (!terminal.json) terminal.err(stepText(step))
    }
    const steps = await checkOnline(desk, AbortSignal.timeout(LIMIT_MS), tell)
    const failed = steps.flatMap(step => step.failure ?? [])
    show(terminal, { ...offline, online: steps.map(stepJson) }, () =>
      failed.length === 0
        ? `${counted(steps.length, 'thing')} tried, all in order: type \`gmah-backup backup\``
        : `${counted(failed.length, 'thing')} of ${steps.length} failed`,
    )
    return failed[0]?.exit ?? EXIT.ok
  })
}

/** ok      rights on gmah_org_acme: acme can be read whole */
const stepText = ({ what, seen, failure }: OnlineStep): string =>
  failure === null
    ? `ok      ${oneLine(what)}: ${oneLine(seen)}`
    : `FAILED  ${oneLine(what)}: ${failureText(failure)}`

const stepJson = ({ what, seen, failure }: OnlineStep) =>
  failure === null
    ? { what, outcome: 'ok', seen }
    : {
        ...{ what, outcome: 'failed' },
        error: { code: failure.code, message: failure.message, hint: failure.hint },
      }
