// A throw-away PostgreSQL server for the archive reader's truth test: private socket, no network, gone afterwards.
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ArchiveServer {
  /** Runs a tool of the server's own major to its end. @returns its stdout */
  run(tool: string, args: string[], input?: string | Uint8Array): Buffer
  /** A tool's stdout as it comes. @throws when it exits non-zero */
  stream(tool: string, args: string[]): AsyncIterable<Uint8Array>
  stop(): void
}

/** The newest major that this machine has, as Debian lays it out; else whatever is on the path. */
function binaries(): string {
  try {
    const majors = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
    return `/usr/lib/postgresql/${majors[0]}/bin/`
  } catch {
    return ''
  }
}

export function startArchiveServer(): ArchiveServer {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-archive-'))
  // PostgreSQL refuses to run as root.
  const root = process.getuid?.() === 0
  const id = (kind: string) => Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }))
  const user = root ? { uid: id('-u'), gid: id('-g') } : {}
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', PGTZ: 'UTC', PGHOST: folder, PGUSER: 'postgres' }
  const options = { ...user, env, cwd: folder, maxBuffer: 1 << 30 }
  const bin = binaries()
  const run: ArchiveServer['run'] = (tool, args, input = '') =>
    execFileSync(`${bin}${tool}`, args, { ...options, input, stdio: ['pipe', 'pipe', 'pipe'] })
  const data = join(folder, 'data')
  const settings = `-c listen_addresses='' -c unix_socket_directories=${folder} -c fsync=off`
  run('initdb', ['-D', data, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-U', 'postgres'])
  run('pg_ctl', ['-D', data, '-w', '-l', join(folder, 'log'), '-o', settings, 'start'])
  return {
    run,
    async *stream(tool, args) {
      const child = spawn(`${bin}${tool}`, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = new Promise<number | null>(resolve => child.on('close', resolve))
      for await (const piece of child.stdout) yield piece
      const code = await ended
      if (code !== 0) throw new Error(`${tool} ended with ${code}`)
    },
    stop() {
      run('pg_ctl', ['-D', data, '-m', 'immediate', 'stop'])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
