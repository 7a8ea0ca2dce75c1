// The dozen calls that snapshots and a rebuild need, typed. Which of them may be repeated is decided here.
import { z } from 'zod'
import { Failure } from '../domain/errors.js'
import { isNotFound } from './errors.js'
import { type HetznerAccess, type Http, type HttpOptions, hetznerHttp } from './http.js'
import {
  type Action,
  actionSchema,
  type Image,
  imageSchema,
  pricingSchema,
  type Server,
  type SshKey,
  serverSchema,
  sshKeySchema,
} from './shapes.js'

export interface ImageOrder {
  description: string
  labels: Readonly<Record<string, string>>
}

/** Each call throws Failure hetzner-* and what errors.ts maps; each ends at once when its signal fires. */
export interface Hetzner {
  /** By its name, or by its id. @throws Failure server-unknown */
  server(nameOrId: string, signal: AbortSignal): Promise<Server>
  serverActions(server: number, signal: AbortSignal): Promise<Action[]>
  /** Every snapshot of the project, or those with these labels (a selector), from all pages. */
  snapshots(selector: string | null, signal: AbortSignal): Promise<Image[]>
  /** Null when there is none. */
  image(id: number, signal: AbortSignal): Promise<Image | null>
  /** Never repeated by itself after an unclear answer: it has no key against doing it twice. */
  createSnapshot(
    server: number,
    order: ImageOrder,
    signal: AbortSignal,
  ): Promise<{ action: Action; image: Image }>
  describeImage(id: number, description: string, signal: AbortSignal): Promise<void>
  protectImage(id: number, protect: boolean, signal: AbortSignal): Promise<void>
  /** One that is gone already is success. @throws Failure snapshot-protected */
  deleteImage(id: number, signal: AbortSignal): Promise<void>
  action(id: number, signal: AbortSignal): Promise<Action>
  /** Asks the system on it to shut down, as its power button does; its success says only that it was asked. */
  shutDown(server: number, signal: AbortSignal): Promise<void>
  /** @throws Failure server-locked while another action holds it. */
  powerOn(server: number, signal: AbortSignal): Promise<void>
  /** The new root password that the answer may hold is never read. */
  rebuild(server: number, image: number, signal: AbortSignal): Promise<Action>
  sshKeys(signal: AbortSignal): Promise<SshKey[]>
  /** Net, a GB and month. */
  snapshotPrice(signal: AbortSignal): Promise<{ perGbMonth: number; currency: string }>
}

const acted = z.object({ action: actionSchema })
const nothing = z.unknown()
const one = { method: 'GET' as const }

export function hetznerClient(access: HetznerAccess, options: HttpOptions): Hetzner {
  const http = hetznerHttp(access, options)
  return { ...serverCalls(http), ...imageCalls(http) }
}

const post = (http: Http, path: string, body: object | null, signal: AbortSignal, once = false) =>
  http
    .call({ method: 'POST', path, ...(body ? { body } : {}), schema: acted, signal, once })
    .then(({ action }) => action)

type ServerCalls =
  | 'server'
  | 'serverActions'
  | 'action'
  | 'createSnapshot'
  | 'shutDown'
  | 'powerOn'
  | 'rebuild'
  | 'sshKeys'

function serverCalls(http: Http): Pick<Hetzner, ServerCalls> {
  return {
    server: async (nameOrId, signal) => {
      const servers = /^\d+$/.test(nameOrId)
        ? await http
            .call({
              ...one,
              path: `/servers/${nameOrId}`,
              schema: z.object({ server: serverSchema }),
              signal,
            })
            .then(({ server }) => [server], orNone)
        : await http.all('/servers', 'servers', serverSchema, { name: nameOrId }, signal)
      const [found] = servers
      if (!found) throw new Failure('server-unknown', `there is no server ${nameOrId} in the token's project`)
      return found
    },
    serverActions: (server, signal) =>
      http.all(`/servers/${server}/actions`, 'actions', actionSchema, {}, signal),
    action: (id, signal) =>
      http.call({ ...one, path: `/actions/${id}`, schema: acted, signal }).then(({ action }) => action),
    createSnapshot: (server, order, signal) =>
      http.call({
        method: 'POST',
        path: `/servers/${server}/actions/create_image`,
        body: { type: 'snapshot', ...order },
        schema: z.object({ action: actionSchema, image: imageSchema }),
        signal,
        once: true,
      }),
    shutDown: async (server, signal) => {
      await post(http, `/servers/${server}/actions/shutdown`, null, signal)
    },
    powerOn: async (server, signal) => {
      await post(http, `/servers/${server}/actions/poweron`, null, signal)
    },
    rebuild: (server, image, signal) =>
      post(http, `/servers/${server}/actions/rebuild`, { image }, signal, true),
    sshKeys: signal => http.all('/ssh_keys', 'ssh_keys', sshKeySchema, {}, signal),
  }
}

function imageCalls(http: Http): Omit<Hetzner, ServerCalls> {
  return {
    snapshots: (selector, signal) => {
      const query = { type: 'snapshot', ...(selector === null ? {} : { label_selector: selector }) }
      return http.all('/images', 'images', imageSchema, query, signal)
    },
    image: (id, signal) =>
      http
        .call({ ...one, path: `/images/${id}`, schema: z.object({ image: imageSchema }), signal })
        .then(({ image }) => image, unlessMissing),
    describeImage: async (id, description, signal) => {
      const path = `/images/${id}`
      await http.call({ method: 'PUT', path, body: { description }, schema: nothing, signal })
    },
    protectImage: async (id, protect, signal) => {
      await post(http, `/images/${id}/actions/change_protection`, { delete: protect }, signal)
    },
    deleteImage: async (id, signal) => {
      const call = { method: 'DELETE' as const, path: `/images/${id}`, schema: nothing, signal }
      await http.call(call).catch(unlessMissing)
    },
    snapshotPrice: async signal => {
      const { pricing } = await http.call({ ...one, path: '/pricing', schema: pricingSchema, signal })
      return { perGbMonth: Number(pricing.image.price_per_gb_month.net), currency: pricing.currency }
    },
  }
}

function unlessMissing(thrown: unknown): null {
  if (isNotFound(thrown)) return null
  throw thrown
}

function orNone(thrown: unknown): never[] {
  if (isNotFound(thrown)) return []
  throw thrown
}
