// `npm run demo`: the main job on a throw-away platform, told as a story.
// Whatever ends it, no process and no folder stays behind, unless --keep asked for them.
import { parseArgs } from 'node:util'
import { processTerminal, showFailure } from '../../src/cli/output.js'
import { Failure } from '../../src/domain/errors.js'
import type { DemoInstallation } from './demo/installation.js'
import { farewell, nextCommands, summary } from './demo/last-words.js'
import { createNarrator } from './demo/narrator.js'
import { startPlatform } from './demo/platform.js'
import { tellStory } from './demo/story.js'

const HELP = `npm run demo [-- options]

A throw-away platform is backed up twice, loses a table, and gets it back, proven.

  --keep           keep the platform, with the daemon running on it; says how to end it
  --megabytes N    size of each tenant's dump, roughly (default 20)
  --help           this text`

interface Wishes {
  keep: boolean
  megabytesPerTenant: number
}

function readArguments(): Wishes | 'help' {
  const options = {
    keep: { type: 'boolean', default: false },
    megabytes: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  } as const
  try {
    const { values } = parseArgs({ options })
    if (values.help) return 'help'
    const megabytesPerTenant = Number(values.megabytes)
    if (!(megabytesPerTenant > 0)) throw new Error(`not a size: ${values.megabytes}`)
    return { keep: values.keep, megabytesPerTenant }
  } catch (cause) {
    throw new Failure('usage', (cause as Error).message, { hint: 'type `npm run demo -- --help`' })
  }
}

/** The first signal ends the demo in good order; a second one ends it at once. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => controller.abort(new Failure('interrupted', `interrupted by ${signal}`)))
  }
  return controller.signal
}

async function demo({ keep, megabytesPerTenant }: Wishes): Promise<void> {
  const signal = interruption()
  const say = createNarrator()
  const platform = await startPlatform(signal)
  let here: DemoInstallation | null = null
  let kept = false
  try {
    const opened = (one: DemoInstallation) => {
      here = one
    }
    const ending = await tellStory(say, platform, { megabytesPerTenant, signal, opened })
    summary(say, platform, ending)
    if (keep) {
      const pids = await platform.keep(ending.here.configFile)
      kept = true
      nextCommands(say, platform, ending, pids)
    }
  } finally {
    await (here as DemoInstallation | null)?.close()
    if (!kept) await platform.remove()
  }
  if (!kept) farewell(say, platform)
}

try {
  const wishes = readArguments()
  if (wishes === 'help') process.stdout.write(`${HELP}\n`)
  else await demo(wishes)
} catch (thrown) {
  process.exitCode = showFailure(processTerminal({}), thrown)
}
