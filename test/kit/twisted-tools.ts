// PostgreSQL's own programs in a folder for postgres.tools_directory, any of which can be given a twist at any time.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { databaseConninfo } from '../../src/postgres/target.js'
import { tool } from './dumping.js'
import { projectRoot } from './platform/scripts.js'
import { serverPrograms } from './server-programs.js'

export interface Twist {
  /** Only calls that name this database; every call by default. */
  database?: string
  /** What `--version` says. */
  version?: string
  /** So many bytes go through and no more. */
  pass?: number
  /** The byte at this place comes out with its lowest bit changed. */
  flip?: number
  /** Said in place of the real program's stream, in base64. */
  bytes?: string
  /** The stream that is spoiled is the one that goes in. */
  input?: true
  /** What the real program says is added to this file as well. */
  keep?: string
  /** Stops after `gateAt` bytes until the gate is opened. */
  gate?: string
  gateAt?: number
  /** After `pass` bytes, waits until there is a chunk in this store. */
  untilStored?: string
  /** How it ends; like the real one by default. */
  exit?: number
  signal?: 'SIGKILL'
  /** Run in the same database by psql, before the real program begins. */
  before?: string
  /** Run in the same database by psql, once the real program has ended well. */
  after?: string
  /** Says and reads nothing, for ever. */
  hang?: true
  ignoreTerm?: true
  /** Bytes of noise on stderr before anything else. */
  chatter?: number | 'endless'
}

type Program = 'pg_dump' | 'pg_dumpall' | 'pg_restore'

export interface TwistedTools {
  directory: string
  twist(program: Program, twist: Twist): void
  /** The real programs again. */
  straighten(): void
  remove(program: Program): void
  /** How often the program was started on this database. */
  calls(program: Program, database: string): number
}

/** Makes the folder, with the real programs behind every name; for `initdb`, with `quickInitdb`, the one of the tests' clusters. */
export async function twistedTools(parent: string, { quickInitdb = true } = {}): Promise<TwistedTools> {
  const directory = join(parent, 'tools')
  mkdirSync(directory)
  const bin = dirname((await tool('pg_dump')).path)
  const twisted = join(projectRoot(), 'test/fixtures/tools/twisted.cjs')
  const programs: Program[] = ['pg_dump', 'pg_dumpall', 'pg_restore']
  const twistFile = (program: Program) => join(directory, `${program}.twist`)
  const restore = (program: Program) => {
    const words = [process.execPath, twisted, twistFile(program), join(bin, program)].map(one => `'${one}'`)
    const script = join(directory, program)
    rmSync(twistFile(program), { force: true })
    if (existsSync(script)) return
    writeFileSync(script, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`)
    chmodSync(script, 0o755)
  }
  for (const program of programs) restore(program)
  const servers = (quickInitdb ? serverPrograms() : null) ?? bin
  for (const name of ['initdb', 'postgres']) symlinkSync(join(servers, name), join(directory, name))
  return {
    directory,
    twist: (program, twist) => {
      // At once, for a program may be starting.
      writeFileSync(`${twistFile(program)}.new`, JSON.stringify(twist))
      renameSync(`${twistFile(program)}.new`, twistFile(program))
    },
    straighten: () => programs.forEach(restore),
    remove: program => rmSync(join(directory, program)),
    calls: (program, database) => {
      const log = `${twistFile(program)}.calls`
      const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : []
      return lines.filter(line => line === `--dbname=${databaseConninfo(database)}`).length
    },
  }
}

export interface Gate {
  /** For the twist. */
  path: string
  reached(): boolean
  open(): void
}

/** A gate that a twisted program stops at; one for each use. */
export function gateIn(folder: string, name: string): Gate {
  const path = join(folder, name)
  return {
    path,
    reached: () => existsSync(`${path}.reached`),
    open: () => writeFileSync(`${path}.open`, ''),
  }
}
