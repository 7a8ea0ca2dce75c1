// What a Hetzner project holds: servers, images, actions. Time is the test's clock; what takes time is settled when it is looked at.
import type { Clock } from '../../../src/sys/clock.js'

export interface FakeImage {
  id: number
  type: 'snapshot'
  status: 'creating' | 'available' | 'unavailable'
  name: null
  image_size: number | null
  disk_size: number
  created: string
  created_from: { id: number; name: string } | null
  bound_to: null
  os_flavor: 'debian'
  os_version: string
  architecture: string
  rapid_deploy: boolean
  protection: { delete: boolean }
  deprecated: null
  deleted: null
  labels: Record<string, string>
  description: string
}

export interface FakeAction {
  id: number
  command: string
  status: 'running' | 'success' | 'error'
  progress: number
  started: string
  finished: string | null
  resources: { id: number; type: string }[]
  error: { code: string; message: string } | null
}

/** How one snapshot goes, decided when it is asked for. */
export interface Fate {
  takesMs: number
  /** It is in no listing before so long has passed; its action is seen at once. */
  hiddenMs: number
  ends: 'available' | 'error' | 'unavailable' | 'vanishes' | 'never'
}

export interface ServerOptions {
  name?: string
  type?: string
  disk?: number
  architecture?: 'x86' | 'arm'
  volumes?: number[]
  rebuildProtected?: boolean
  ip?: string
}

type Pending = { atMs: number; settle(): void }
export const GOOD: Fate = { takesMs: 300_000, hiddenMs: 0, ends: 'available' }

export class Project {
  readonly servers = new Map<number, ReturnType<typeof newServer>>()
  readonly images = new Map<number, FakeImage>()
  readonly actions = new Map<number, FakeAction>()
  /** Every snapshot that ever was, and what was deleted, in order. */
  readonly made: FakeImage[] = []
  readonly deleted: { image: FakeImage; at: Date }[] = []
  readonly rebuilt: { server: number; image: number }[] = []
  readonly hiddenUntil = new Map<number, number>()
  /** What was off when its image was begun. */
  readonly madeOff = new Set<number>()
  limit = 30
  /** How long the system on a server takes to shut down; null: it does not listen. */
  shutdownMs: number | null = 20_000
  rebuildMs = 120_000
  fate: () => Fate = () => GOOD
  #pending: Pending[] = []
  #lastId = 1000

  readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  addServer(options: ServerOptions = {}): number {
    const id = this.#id()
    this.servers.set(id, newServer(id, this.now(), options))
    return id
  }

  /** A snapshot that somebody else made. */
  addImage(server: number, more: Partial<FakeImage> = {}): FakeImage {
    const from = this.servers.get(server)
    const image = {
      ...this.#newImage(server, { description: 'by hand', labels: {} }),
      status: 'available' as const,
      image_size: 3.5,
      ...more,
    }
    if (from && more.created_from === undefined) image.created_from = { id: server, name: from.name }
    this.images.set(image.id, image)
    return image
  }

  /** Brings everything to what it is by now. */
  settle(): void {
    const now = this.clock.now().getTime()
    const due = this.#pending.filter(one => one.atMs <= now).sort((a, b) => a.atMs - b.atMs)
    this.#pending = this.#pending.filter(one => one.atMs > now)
    for (const one of due) one.settle()
  }

  createImage(server: number, order: { description?: string; labels?: Record<string, string> }) {
    const fate = this.fate()
    const image = this.#newImage(server, { description: order.description ?? '', labels: order.labels ?? {} })
    this.images.set(image.id, image)
    this.made.push(image)
    if (this.servers.get(server)?.status === 'off') this.madeOff.add(image.id)
    this.hiddenUntil.set(image.id, this.clock.now().getTime() + fate.hiddenMs)
    const action = this.#begin('create_image', [server, image.id], fate.ends === 'error')
    this.#lock(server, true)
    if (fate.ends !== 'never') {
      this.#after(fate.takesMs, () => {
        this.#lock(server, false)
        this.#end(action, fate.ends === 'error')
        if (fate.ends === 'available') Object.assign(image, { status: 'available', image_size: 4.25 })
        if (fate.ends === 'unavailable') image.status = 'unavailable'
        if (fate.ends === 'vanishes' || fate.ends === 'error') this.images.delete(image.id)
      })
    } else this.#after(fate.takesMs, () => this.#lock(server, false))
    return { image, action }
  }

  deleteImage(image: FakeImage): void {
    this.images.delete(image.id)
    this.deleted.push({ image, at: this.clock.now() })
  }

  rebuild(server: number, image: number): FakeAction {
    const action = this.#begin('rebuild_server', [server, image], false)
    this.#lock(server, true)
    this.#after(this.rebuildMs, () => {
      this.rebuilt.push({ server, image })
      this.#lock(server, false)
      this.#end(action, false)
    })
    return action
  }

  /** Its action is over at once: that the system was asked says nothing of when it is off. */
  power(server: number, on: boolean): FakeAction {
    const found = this.servers.get(server)
    const become = (status: string) => () => {
      if (found) found.status = status
    }
    if (on) this.#after(10_000, become('running'))
    else if (this.shutdownMs !== null) this.#after(this.shutdownMs, become('off'))
    return this.done(on ? 'start_server' : 'shutdown_server', server)
  }

  /** An action that is over at once. */
  done(command: string, server: number): FakeAction {
    const action = this.#begin(command, [server], false)
    this.#end(action, false)
    return action
  }

  now = (): string => this.clock.now().toISOString()

  #id = (): number => ++this.#lastId
  #after = (ms: number, settle: () => void) =>
    void this.#pending.push({ atMs: this.clock.now().getTime() + ms, settle })

  #lock(server: number, locked: boolean): void {
    const found = this.servers.get(server)
    if (found) found.locked = locked
  }

  #begin(command: string, [server = 0, image]: number[], fails: boolean): FakeAction {
    const resources = [{ id: server, type: 'server' }, ...(image ? [{ id: image, type: 'image' }] : [])]
    const action: FakeAction = {
      ...{
        id: this.#id(),
        command,
        status: 'running',
        progress: 0,
        started: this.now(),
        finished: null,
        resources,
      },
      // Hetzner's own examples fill it while nothing is wrong.
      error: fails ? null : { code: 'action_failed', message: 'Action failed' },
    }
    this.actions.set(action.id, action)
    return action
  }

  #end(action: FakeAction, failed: boolean): void {
    Object.assign(action, { status: failed ? 'error' : 'success', progress: 100, finished: this.now() })
    if (failed) action.error = { code: 'unknown_error', message: 'unknown error' }
  }

  #newImage(server: number, order: Pick<FakeImage, 'description' | 'labels'>): FakeImage {
    const from = this.servers.get(server)
    return {
      ...{ id: this.#id(), type: 'snapshot', status: 'creating', name: null, image_size: null },
      disk_size: from?.primary_disk_size ?? 80,
      created: this.now(),
      created_from: from ? { id: server, name: from.name } : null,
      ...{
        bound_to: null,
        os_flavor: 'debian',
        os_version: '12',
        rapid_deploy: false,
        deprecated: null,
        deleted: null,
      },
      architecture: from?.server_type.architecture ?? 'x86',
      protection: { delete: false },
      ...order,
    }
  }
}

function newServer(id: number, created: string, options: ServerOptions) {
  const {
    name = 'gmah-app',
    type = 'cpx22',
    disk = 80,
    architecture = 'x86',
    volumes = [],
    ip = '203.0.113.10',
  } = options
  const price = { net: '0.0100', gross: '0.0119' }
  const fsn1 = {
    id: 1,
    name: 'fsn1',
    city: 'Falkenstein',
    country: 'DE',
    latitude: 50.47,
    longitude: 12.37,
    network_zone: 'eu-central',
    description: 'Falkenstein',
  }
  return {
    ...{ id, name, status: 'running', created, locked: false, labels: { env: 'prod' }, volumes },
    public_net: {
      ipv4: { id: 501, ip, blocked: false, dns_ptr: `${name}.example.com` },
      ipv6: { id: 502, ip: '2001:db8::/64', blocked: false, dns_ptr: [] },
      floating_ips: [],
      firewalls: [{ id: 38, status: 'applied' }],
    },
    private_net: [{ network: 77, ip: '10.0.0.2', alias_ips: [], mac_address: '86:00:ff:2a:7d:e1' }],
    server_type: {
      ...{
        id: 109,
        name: type,
        category: 'Shared vCPU',
        cores: 2,
        memory: 4,
        disk,
        cpu_type: 'shared',
        storage_type: 'local',
      },
      ...{ architecture, deprecated: false, deprecation: null, description: type.toUpperCase() },
      prices: [
        {
          included_traffic: 21990232555520,
          location: 'fsn1',
          price_hourly: price,
          price_monthly: price,
          price_per_tb_traffic: price,
        },
      ],
      locations: [{ id: 1, name: 'fsn1', deprecation: null, available: true, recommended: true }],
    },
    location: fsn1,
    ...{ included_traffic: 21990232555520, outgoing_traffic: 1, ingoing_traffic: 1, backup_window: null },
    ...{
      rescue_enabled: false,
      iso: null,
      image: null,
      placement_group: null,
      load_balancers: [] as number[],
    },
    protection: { delete: options.rebuildProtected ?? false, rebuild: options.rebuildProtected ?? false },
    primary_disk_size: disk,
  }
}
