// A process that restores in place, or undoes, and kills itself with -9 right before or right after it writes down a step.
// `node swap-child.js <configuration> <before|after> <event or step> restore <tenant>`, or `… undo <run>`;
// or that dies while it proves a table in a live database: `… tables <tenant>`.

import { subjectNamed } from '../../src/domain/subject.js'
import type { Watcher } from '../../src/jobs/parts.js'
import { restoreInPlace } from '../../src/jobs/restore-in-place.js'
import { restoreIntoSchema } from '../../src/jobs/restore-into-schema.js'
import type { RunContext } from '../../src/jobs/runner.js'
import { undoRestore, undoTarget } from '../../src/jobs/undo-restore.js'
import { open } from './installation.js'

const [, , config = '', when = '', what = '', verb = '', name = ''] = process.argv

const die = () => process.kill(process.pid, 'SIGKILL')

/** The run's own voice, with a death in it. */
function mortal(context: RunContext): RunContext {
  return {
    ...context,
    emit: event => {
      const step = event.type === 'swap-step' ? event.facts.step : event.type
      if (step === what && when === 'before') die()
      context.emit(event)
      if (step === what && when === 'after') die()
    },
  }
}

const app = await open(config, {})
const signal = new AbortController().signal
if (verb === 'restore') {
  const subject = subjectNamed(name)
  const request = { subject, backup: 'latest', withRoles: false, withoutSafetyCopy: null }
  await app.runner.run({ name: 'restore', subject, trigger: 'manual' }, async context => {
    await restoreInPlace(app.parts(), request, mortal(context))
    return { outcome: 'succeeded' }
  })
} else if (verb === 'tables') {
  const subject = subjectNamed(name)
  const tables = [{ schema: 'public', name: 'items' }]
  const request = { subject, backup: 'latest', tables, intoSchema: 'side', withRoles: false }
  // Only the proof in the live database does not know how many bytes will come.
  const watch: Watcher = {
    progress: (_, { phase, of }) => {
      if (phase === 'prove' && of === null) die()
    },
  }
  await app.runner.run({ name: 'restore', subject, trigger: 'manual' }, async context => {
    await restoreIntoSchema(app.parts(), request, { ...context, watch })
    return { outcome: 'succeeded' }
  })
} else {
  const target = await undoTarget(app.parts(), name, signal)
  await app.runner.run(
    { name: 'restore-undo', subject: target.subject, trigger: 'manual' },
    async context => {
      await undoRestore(app.parts(), target, mortal(context))
      return { outcome: 'succeeded' }
    },
  )
}
// Whoever waits for our death must not take this for it.
process.exit(3)
