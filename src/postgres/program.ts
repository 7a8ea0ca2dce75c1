// Starts one of PostgreSQL's client programs: polite, with our pinned environment, the password out of sight.
// The password file lives exactly as long as the child.
import type { Socket } from 'node:net'
import { type Child, startChild } from '../sys/child.js'
import { libpqEnvironment, type SessionWords } from './environment.js'
import { dieWithUs, type Politeness, politeWrapper } from './politeness.js'
import type { PostgresTarget } from './target.js'
import type { Tool } from './tools.js'

export interface ProgramOptions extends SessionWords {
  target: PostgresTarget
  tool: Tool
  signal?: AbortSignal
  politeness?: Politeness
  /** Where its stdout goes instead of to us; see ChildOptions. */
  output?: Socket
}

/** @throws Failure config-invalid; from `result`, tool-missing. */
export async function startProgram(
  { target, tool, signal, politeness, output, ...words }: ProgramOptions,
  args: readonly string[],
  options: { bigWrites: boolean },
): Promise<Child> {
  const wrapper = [...(await dieWithUs('TERM')), ...(await politeWrapper(politeness ?? {}, options))]
  const { env, dispose } = await libpqEnvironment(target, words)
  try {
    signal?.throwIfAborted()
    const child = startChild(tool.path, {
      ...{ args, env, wrapper },
      ...(signal ? { signal } : {}),
      ...(output ? { output } : {}),
    })
    const result = child.result.finally(dispose)
    // Who reads stdout first awaits the result late; until then a failed start is nobody's unhandled rejection.
    result.catch(() => {})
    return { ...child, result }
  } catch (error) {
    await dispose()
    throw error
  }
}
