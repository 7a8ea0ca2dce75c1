// A process under supervision that prints what it lives through: `node lifecycle-child.js <drain ms> <obey|ignore>`.
import { systemClock } from '../../src/sys/clock.js'
import { superviseProcess } from '../../src/sys/lifecycle.js'

const [drainMs = '1000', manner = 'obey'] = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const life = superviseProcess({
  clock: systemClock,
  drainMs: Number(drainMs),
  reload: () => {
    say('reload')
    if (manner === 'broken') throw new Error('bad file')
  },
  failed: error => say(`failed: ${(error as Error).message}`),
})
const work = setInterval(() => {}, 1000)
life.stopping.addEventListener('abort', () => {
  say(`stopping: ${(life.stopping.reason as Error).message}`)
  if (manner !== 'quick') return
  clearInterval(work)
  life.close()
})
life.interrupted.addEventListener('abort', () => {
  say(`interrupted: ${(life.interrupted.reason as Error).message}`)
  if (manner === 'ignore') return
  clearInterval(work)
  life.close()
})
life.ready()
say('up')
