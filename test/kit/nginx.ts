// The real nginx in front of a daemon, with the configuration that we ship: only names, places and who may come are a test's.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from './certificate.js'
import { until } from './clock.js'

export const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync)
if (!NGINX) process.stderr.write('SKIPPED: there is no nginx here (apt-get install nginx)\n')

export interface Asked {
  /** The client's own address: one of 127.0.0.0/8. */
  from?: string
  method?: string
  headers?: Record<string, string>
  body?: string
}

export interface Nginx {
  ask(
    path: string,
    asked?: Asked,
  ): Promise<{ status: number; text: string; headers: Record<string, unknown> }>
  /** The answer of what does not end, piece by piece. Leave the loop to hang up. */
  follow(path: string, asked: Asked): AsyncGenerator<string>
  stop(): Promise<void>
}

/** Takes clients at the address `allowed` alone, and gives their requests to `daemon` (http://host:port). */
export async function startNginx(daemon: string, allowed: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'gmah-nginx-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    chmodSync(folder, 0o755)
    selfSigned(folder, 'DNS:backup.example.com')
    const { port, stop } = await run(folder, { daemon, allowed })
    return {
      ask: (path, asked = {}) => ask(port, path, asked),
      follow: (path, asked) => follow(port, path, asked),
      stop: () => stop().finally(remove),
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** Begins again where somebody else took the port between our look and nginx's. */
async function run(
  folder: string,
  to: { daemon: string; allowed: string },
): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort()
  const file = configure(folder, { ...to, port })
  const child = spawn(NGINX as string, ['-p', folder, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', part => {
    said += part
  })
  let over = false
  const ended = once(child, 'close').then(() => {
    over = true
  })
  const stop = () => {
    child.kill('SIGTERM')
    return ended
  }
  await until(async () => over || (await Promise.race([answers(port), ended.then(() => true)]))).catch(
    error => stop().then(() => Promise.reject(error)),
  )
  if (!over) return { port, stop }
  if (said.includes('Address already in use')) return run(folder, to)
  throw new Error(`nginx did not start: ${said}`)
}

function configure(folder: string, at: { daemon: string; allowed: string; port: number }): string {
  const shipped = readFileSync(join(process.cwd(), 'monitoring/nginx.conf'), 'utf8')
  const replaced = [
    ['listen 443 ssl', `listen 127.0.0.1:${at.port} ssl`],
    ['/etc/letsencrypt/live/backup.example.com/fullchain.pem', join(folder, 'certificate.pem')],
    ['/etc/letsencrypt/live/backup.example.com/privkey.pem', join(folder, 'key.pem')],
    ['allow 10.0.0.0/8', `allow ${at.allowed}`],
    ['http://127.0.0.1:9178', at.daemon],
  ].reduce((text, [from = '', to = '']) => {
    if (!text.includes(from)) throw new Error(`monitoring/nginx.conf has no ${from}`)
    return text.replace(from, to)
  }, shipped)
  writeFileSync(join(folder, 'gmah-backup.conf'), replaced)
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    one => `${one}_temp_path ${folder}/${one};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
     events {}
     http {
       access_log off; ${temp.join(' ')}
       # The snippet must do it alone: the daemon's header would turn buffering off as well.
       proxy_ignore_headers X-Accel-Buffering; proxy_buffer_size 64k; proxy_buffers 8 64k;
       include ${folder}/gmah-backup.conf;
     }`,
  )
  return join(folder, 'nginx.conf')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Whatever the answer is. */
const answers = (port: number): Promise<boolean> =>
  ask(port, '/', {}).then(
    () => true,
    () => false,
  )

function open(port: number, path: string, { from = '127.0.0.1', body, ...asked }: Asked) {
  const asking = request({
    ...{ host: '127.0.0.1', port, path, localAddress: from, rejectUnauthorized: false, agent: false },
    ...asked,
  })
  asking.end(body)
  return once(asking, 'response').then(([answer]) => answer as import('node:http').IncomingMessage)
}

async function ask(port: number, path: string, asked: Asked) {
  const answer = await open(port, path, asked)
  let text = ''
  for await (const part of answer) text += part
  return { status: answer.statusCode ?? 0, text, headers: answer.headers }
}

async function* follow(port: number, path: string, asked: Asked): AsyncGenerator<string> {
  for await (const part of await open(port, path, asked)) yield String(part)
}
