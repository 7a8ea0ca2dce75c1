// What the fake answers to each call, by the state of its project.
import type { RecordedCall } from './call.js'
import type { FakeImage, Project } from './state.js'

export interface Answer {
  status: number
  body: unknown
  /** By something in between, which speaks no JSON. */
  proxy?: boolean
}

export const problem = (status: number, code: string, message = code.replaceAll('_', ' ')): Answer => ({
  status,
  body: { error: { code, message, details: null } },
})

const ok = (body: unknown, status = 200): Answer => ({ status, body })
const missing = problem(404, 'not_found')

export function route(project: Project, call: RecordedCall): Answer {
  const [, noun = '', id = '', sub = '', verb = ''] = call.path.split('/')
  if (noun === 'servers') return servers(project, call, { id: Number(id || 0), sub, verb })
  if (noun === 'images') return images(project, call, { id: Number(id || 0), verb })
  if (noun === 'actions') {
    const action = project.actions.get(Number(id))
    return action ? ok({ action }) : missing
  }
  if (noun === 'ssh_keys') return page(call, 'ssh_keys', [SSH_KEY])
  if (noun === 'pricing') return ok({ pricing: PRICING })
  return missing
}

interface Target {
  id: number
  sub?: string
  verb: string
}

function servers(project: Project, call: RecordedCall, { id, sub, verb }: Target): Answer {
  if (id === 0 && call.method === 'POST') return createServer(project, call)
  if (id === 0) {
    const name = call.query.get('name')
    return page(
      call,
      'servers',
      [...project.servers.values()].filter(one => name === null || one.name === name),
    )
  }
  const server = project.servers.get(id)
  if (!server) return missing
  if (!sub) return ok({ server })
  if (!verb) {
    const own = [...project.actions.values()].filter(one =>
      one.resources.some(it => it.type === 'server' && it.id === id),
    )
    return page(call, 'actions', own)
  }
  if (server.locked) return problem(423, 'locked')
  if (verb === 'shutdown' || verb === 'poweron')
    return ok({ action: project.power(id, verb === 'poweron') }, 201)
  if (verb === 'create_image') return createImage(project, call, id)
  if (verb === 'rebuild') {
    const image = project.images.get(Number((call.body as { image: number }).image))
    if (server.protection.rebuild) return problem(423, 'protected')
    if (image?.status !== 'available') return problem(422, 'invalid_input', 'image not found')
    if (image.disk_size > server.primary_disk_size)
      return problem(422, 'invalid_input', 'image disk is bigger than server type disk')
    return ok({ action: project.rebuild(id, image.id), root_password: 'never-to-be-shown' }, 201)
  }
  return ok({ action: project.done(verb, id) }, 201)
}

interface NewServer {
  name: string
  server_type: string
  image: number
}

function createServer(project: Project, call: RecordedCall): Answer {
  const { name, server_type: type, image } = call.body as NewServer
  if ([...project.servers.values()].some(one => one.name === name)) return problem(409, 'uniqueness_error')
  if (project.images.get(image)?.status !== 'available')
    return problem(422, 'invalid_input', 'image not found')
  const id = project.addServer({ name, type, ip: '203.0.113.11' })
  const done = { action: project.done('create_server', id), next_actions: [] }
  return ok({ server: project.servers.get(id), ...done, root_password: 'never-to-be-shown' }, 201)
}

function createImage(project: Project, call: RecordedCall, server: number): Answer {
  if (project.images.size >= project.limit)
    return problem(403, 'resource_limit_exceeded', 'snapshot limit exceeded')
  return ok(
    project.createImage(server, call.body as { description: string; labels: Record<string, string> }),
    201,
  )
}

function images(project: Project, call: RecordedCall, { id, verb }: Target): Answer {
  const now = project.clock.now().getTime()
  const visible = (image: FakeImage): boolean => (project.hiddenUntil.get(image.id) ?? 0) <= now
  if (id === 0) {
    const selector = call.query.get('label_selector')
    return page(
      call,
      'images',
      [...project.images.values()].filter(one => visible(one) && selected(one, selector)),
    )
  }
  const image = project.images.get(id)
  if (!image || !visible(image)) return missing
  if (verb === 'change_protection') {
    image.protection.delete = (call.body as { delete: boolean }).delete
    return ok(
      { action: { ...project.done('change_protection', id), resources: [{ id, type: 'image' }] } },
      201,
    )
  }
  if (call.method === 'PUT') {
    Object.assign(image, call.body)
    return ok({ image })
  }
  if (call.method !== 'DELETE') return ok({ image })
  if (image.protection.delete) return problem(423, 'protected')
  project.deleteImage(image)
  return ok(undefined, 204)
}

function selected({ labels }: FakeImage, selector: string | null): boolean {
  return (selector ?? '')
    .split(',')
    .filter(Boolean)
    .every(one => {
      const [key = '', value] = one.split('=')
      return value === undefined ? key in labels : labels[key] === value
    })
}

function page(call: RecordedCall, list: string, items: readonly unknown[]): Answer {
  const at = Number(call.query.get('page') ?? 1)
  const per = Number(call.query.get('per_page') ?? 25)
  const last = Math.max(1, Math.ceil(items.length / per))
  const pagination = {
    page: at,
    per_page: per,
    previous_page: at > 1 ? at - 1 : null,
    next_page: at < last ? at + 1 : null,
    last_page: last,
    total_entries: items.length,
  }
  return ok({ [list]: items.slice((at - 1) * per, at * per), meta: { pagination } })
}

const SSH_KEY = {
  id: 2323,
  name: 'admin',
  fingerprint: 'b7:2f:30:a0:2f:6c:58:6c:21:04:58:61:ba:06:3b:2f',
  public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 admin',
  labels: {},
  created: '2025-01-30T23:50:00Z',
}
const price = (net: string, gross: string) => ({ net, gross })
const PRICING = {
  currency: 'EUR',
  vat_rate: '19.00',
  image: { price_per_gb_month: price('0.0143000000', '0.0170170000000000') },
  server_backup: { percentage: '20.00' },
  volume: { price_per_gb_month: price('0.0572000000', '0.0680680000000000') },
}
