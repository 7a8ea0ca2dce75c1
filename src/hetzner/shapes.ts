// What Hetzner's answers hold of what we read, checked at the door. Fields that we do not name may come and go.
import { z } from 'zod'

const id = z.int().positive()
const labels = z.record(z.string(), z.string())
const at = z.string().min(1)

/** Judge by `status`, never by `error`: Hetzner's own examples fill it on success. */
export const actionSchema = z.object({
  id,
  command: z.string(),
  status: z.enum(['running', 'success', 'error']),
  progress: z.number(),
  started: at,
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  resources: z.array(z.object({ id: z.int(), type: z.string() })),
})
export type Action = z.infer<typeof actionSchema>

export const imageSchema = z.object({
  id,
  type: z.string(),
  status: z.enum(['creating', 'available', 'unavailable']),
  description: z.string(),
  /** What is billed, in GB; null while it is being made. */
  image_size: z.number().nullable(),
  /** The smallest disk it fits on, in GB. */
  disk_size: z.number(),
  created: at,
  created_from: z.object({ id, name: z.string() }).nullable(),
  architecture: z.string(),
  labels,
  protection: z.object({ delete: z.boolean() }),
})
export type Image = z.infer<typeof imageSchema>

const address = z.object({ id: id.optional(), ip: z.string() }).nullable()

export const serverSchema = z.object({
  id,
  name: z.string(),
  status: z.string(),
  locked: z.boolean(),
  labels,
  protection: z.object({ delete: z.boolean(), rebuild: z.boolean() }),
  primary_disk_size: z.number(),
  volumes: z.array(z.int()).default([]),
  location: z.object({ name: z.string(), network_zone: z.string() }),
  server_type: z.object({
    id,
    name: z.string(),
    cores: z.number(),
    memory: z.number(),
    disk: z.number(),
    architecture: z.string(),
  }),
  public_net: z.object({
    ipv4: address,
    ipv6: address,
    floating_ips: z.array(z.int()),
    firewalls: z.array(z.object({ id: z.int() })).default([]),
  }),
  private_net: z.array(
    z.object({
      network: z.int().optional(),
      ip: z.string().optional(),
      alias_ips: z.array(z.string()).optional(),
    }),
  ),
  placement_group: z.object({ id, name: z.string() }).nullish(),
})
export type Server = z.infer<typeof serverSchema>

export const sshKeySchema = z.object({
  id,
  name: z.string(),
  fingerprint: z.string(),
  public_key: z.string(),
})
export type SshKey = z.infer<typeof sshKeySchema>

export const pricingSchema = z.object({
  pricing: z.object({
    currency: z.string(),
    image: z.object({ price_per_gb_month: z.object({ net: z.string() }) }),
  }),
})

export const paginationSchema = z.object({
  pagination: z.object({ next_page: z.int().nullable() }),
})

export const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) })
