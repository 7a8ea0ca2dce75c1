// Values for a JSON schema, as fast-check draws them: mostly what the schema allows, sometimes what nobody should send.
import fc from 'fast-check'

export interface Schema {
  type?: string
  enum?: unknown[]
  const?: unknown
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
}

/** What breaks programs: other types, the ends of ranges, names with a meaning, bytes that are no text. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    Number.MAX_SAFE_INTEGER + 2,
    '',
    ' ',
    [],
    {},
    '\u0000',
    '\ud800',
  ),
  fc.constantFrom(
    '../../etc/passwd',
    '..%2f..',
    '%00',
    '%',
    "'; DROP TABLE runs; --",
    '__proto__',
    'constructor',
  ),
  fc.constantFrom(
    'tenants/acme',
    'tenants/%',
    'platform/leases',
    'platform/globals',
    'latest',
    '\u202egnp.exe',
  ),
  fc.constant('x'.repeat(1500)),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
)

/** @param wild how many of ten values are hostile. */
export function valuesOf(schema: Schema, wild: number): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 10 - wild, arbitrary: lawful(schema, wild) },
    { weight: wild, arbitrary: hostile },
  )
}

function lawful(schema: Schema, wild: number): fc.Arbitrary<unknown> {
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map(one => lawful(one, wild)))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'string':
      return text(schema)
    case 'integer':
    case 'number':
      return fc.integer({
        min: Math.max(schema.minimum ?? -1000, -1_000_000),
        max: Math.min(schema.maximum ?? 1000, 1_000_000),
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, wild), { maxLength: 3 })
    case 'object':
      return record(schema, wild)
    default:
      return hostile
  }
}

function text({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  const long = Math.min(maxLength, 60)
  return fc.oneof(
    fc
      .constantFrom('acme', 'platform/master', 'latest', 'nightly', 'a reason')
      .filter(known => known.length >= minLength && known.length <= maxLength),
    fc.string({ minLength: Math.min(minLength, long), maxLength: long }),
  )
}

function record({ properties = {}, required = [] }: Schema, wild: number): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([key, one]) => [key, valuesOf(one, wild)]),
  )
  return fc.record(fields, { requiredKeys: wild > 0 ? [] : required })
}
