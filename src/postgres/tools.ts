// Finds PostgreSQL's own programs for a server's major version: configured folder, Debian's folders, PATH.
// The exact major is best, a newer one works for dumps, an older one is refused.
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Failure } from '../domain/errors.js'
import { runChild } from '../sys/child.js'
import { executable } from './politeness.js'

export type ToolName = 'pg_dump' | 'pg_dumpall' | 'pg_restore' | 'initdb' | 'postgres'

export interface Tool {
  name: ToolName
  path: string
  /** As it says itself: `15.18 (Debian 15.18-0+deb12u1)`. */
  version: string
  major: number
  minor: number
}

export interface ToolSearch {
  /** The configured folder; when given, no other place is looked at. */
  directory?: string | null
  /** Folders in the way of PATH. */
  path?: readonly string[]
}

const DEBIAN = '/usr/lib/postgresql'
const USUAL_PATH = ['/usr/local/bin', '/usr/bin', '/bin']

/**
 * The tool that suits a server of `serverMajor`: the same major, else the lowest newer one.
 * @throws Failure tool-missing, or tool-too-old when all that is there is older.
 */
export async function findTool(name: ToolName, serverMajor: number, search: ToolSearch = {}): Promise<Tool> {
  const tools = await listTools(name, search)
  const [best] = tools
    .filter(tool => tool.major >= serverMajor)
    .sort((one, other) => one.major - other.major || other.minor - one.minor)
  if (best) return best
  const hint = `apt install ${packageOf(name, serverMajor)}, or set postgres.tools_directory to a folder with ${name}`
  if (tools.length === 0) {
    throw new Failure('tool-missing', `there is no ${name} ${where(search)}`, { hint })
  }
  const found = tools.map(tool => `${tool.path} (${tool.version})`).join(', ')
  throw new Failure(
    'tool-too-old',
    `the server is PostgreSQL ${serverMajor}, all that is there is ${found}`,
    {
      hint,
      facts: { serverMajor, found: tools.map(tool => tool.path) },
    },
  )
}

/** Every working one that can be found, newest first. */
export async function listTools(name: ToolName, search: ToolSearch = {}): Promise<Tool[]> {
  const paths = new Set<string>()
  for (const folder of await folders(search)) {
    const path = join(folder, name)
    if (!(await executable(path))) continue
    const real = await realpath(path)
    // Debian's /usr/bin/pg_dump chooses a version by rules of its own; the programs it chooses from are in our list.
    if (basename(real) !== 'pg_wrapper') paths.add(real)
  }
  const tools = await Promise.all([...paths].map(path => askVersion(name, path)))
  return tools
    .filter(tool => tool !== null)
    .sort((one, other) => other.major - one.major || other.minor - one.minor)
}

/** 15 of 150018. */
export const majorOf = (versionNum: number): number => Math.trunc(versionNum / 10_000)

/**
 * `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `… 16beta1`; null for anything else.
 * A pre-release has minor 0.
 */
export function parseToolVersion(output: string): { version: string; major: number; minor: number } | null {
  const version = /\(PostgreSQL\) (.+)/.exec(output)?.[1]?.trim()
  const parts = /^(\d+)(?:\.(\d+))?/.exec(version ?? '')
  if (!version || !parts) return null
  return { version, major: Number(parts[1]), minor: Number(parts[2] ?? 0) }
}

/** What each program said, by the file that it was: every dump needs one, and an upgrade makes another file of it. */
const said = new Map<string, Promise<string>>()

/** Null for a program that does not run here: a broken installation must not hide a sound one. */
async function askVersion(name: ToolName, path: string): Promise<Tool | null> {
  try {
    const { dev, ino, size, ctimeMs } = await stat(path)
    const file = [path, dev, ino, size, ctimeMs].join(' ')
    const asked = said.get(file) ?? runChild(path, { args: ['--version'], env: { LC_ALL: 'C' } })
    said.set(file, asked)
    asked.catch(() => said.delete(file))
    const parsed = parseToolVersion(await asked)
    return parsed && { name, path, ...parsed }
  } catch {
    return null
  }
}

async function folders(search: ToolSearch): Promise<string[]> {
  if (search.directory) return [search.directory]
  const majors = await readdir(DEBIAN).catch(() => [])
  return [...majors.map(major => join(DEBIAN, major, 'bin')), ...(search.path ?? USUAL_PATH)]
}

/** Debian's and postgresql.org's package; 0 stands for any major. */
function packageOf(name: ToolName, major: number): string {
  const stem = name === 'initdb' || name === 'postgres' ? 'postgresql' : 'postgresql-client'
  return major === 0 ? stem : `${stem}-${major}`
}

function where(search: ToolSearch): string {
  return search.directory ? `in ${search.directory}` : `below ${DEBIAN} or on the path`
}
