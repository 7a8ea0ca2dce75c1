// A command in a terminal of its own, as a person has it: what it asks is waited for, and answered by typing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './clock.js'

export interface Typed {
  exitCode: number | null
  /** What stood on the screen, in plain lines. */
  screen: string
}

export type Answers = readonly (readonly [question: RegExp, answer: string])[]

/** Runs it under util-linux's `script`. Each answer is typed once its question stands on the screen, in this order. */
export async function typeInto(
  command: readonly string[],
  answers: Answers,
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Promise<Typed> {
  const line = command.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  const child = spawn('script', ['-qfec', line, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'dumb', NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let screen = ''
  child.stdout.on('data', part => {
    screen += part
  })
  // At `exit` the last of the screen may still be on its way.
  const exited = once(child, 'close')
  child.stdin.on('error', () => {})
  let from = 0
  for (const [question, answer] of answers) {
    const stands = () => screen.slice(from).search(question)
    await until(() => stands() >= 0 || child.exitCode !== null, 60_000)
    if (stands() < 0) break
    from = screen.length
    child.stdin.write(answer)
  }
  const [exitCode] = await exited
  return { exitCode, screen: screen.replaceAll('\r', '') }
}
