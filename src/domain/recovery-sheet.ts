// What must be known to bring a server back when neither it nor the console's memory is at hand: written beside each snapshot.
// docs/format.md describes the fields.
import { z } from 'zod'

const id = z.int().positive()
const text = z.string()

export const sheetSchema = z.strictObject({
  format: z.literal(1),
  tool: text,
  /** When the sheet was written; the snapshot's own instant is `image.created`. */
  at: z.iso.datetime(),
  server: z.strictObject({
    id,
    name: text,
    type: text,
    cores: z.number(),
    memoryGb: z.number(),
    diskGb: z.number(),
    architecture: text,
    location: text,
    networkZone: text,
    labels: z.record(text, text),
    protection: z.strictObject({ delete: z.boolean(), rebuild: z.boolean() }),
    /** Ids and addresses of the primary IPs. */
    ipv4: z.strictObject({ id: id.nullable(), ip: text }).nullable(),
    ipv6: z.strictObject({ id: id.nullable(), ip: text }).nullable(),
    floatingIps: z.array(z.int()),
    firewalls: z.array(id),
    networks: z.array(
      z.strictObject({ id: z.int().nullable(), ip: text.nullable(), aliasIps: z.array(text) }),
    ),
    placementGroup: z.strictObject({ id, name: text }).nullable(),
    /** Not in the snapshot. */
    volumes: z.array(z.int()),
    sshKeys: z.array(z.strictObject({ id, name: text, fingerprint: text, publicKey: text })),
  }),
  image: z.strictObject({
    id,
    created: text,
    description: text,
    sizeGb: z.number(),
    /** The target's disk must be at least this. */
    diskGb: z.number(),
    architecture: text,
    labels: z.record(text, text),
  }),
  /** Net; null when it could not be asked. */
  price: z.strictObject({ perGbMonth: z.number(), costPerMonth: z.number(), currency: text }).nullable(),
  /** What a restore of this image does not bring back. */
  warnings: z.array(text),
})
export type RecoverySheet = z.infer<typeof sheetSchema>
