// Requests drawn from an OpenAPI document: every operation of it, with its parameters and its body, kept or broken.
import fc from 'fast-check'
import { hostile, type Schema, valuesOf } from './schema-values.js'

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  schema: Schema
}

export interface Operation {
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, unknown> }>
}

export interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
}

export interface FuzzedRequest {
  method: string
  /** As the document has it. */
  route: string
  /** Path and query, encoded. */
  url: string
  headers: Record<string, string>
  body: string | null
  /** Its answer is a stream that lasts. */
  streams: boolean
}

/** How many of ten values are hostile: none in most requests, so that they get past the door. */
const WILD = fc.constantFrom(0, 0, 0, 1, 5)

export function requestsOf(document: Document): fc.Arbitrary<FuzzedRequest> {
  const operations = Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route,
      method: method.toUpperCase(),
      operation,
    })),
  )
  return fc.tuple(fc.constantFrom(...operations), WILD).chain(([{ route, method, operation }, wild]) =>
    fc
      .record({
        values: parametersOf(operation, wild),
        body: bodyOf(operation, wild),
      })
      .map(({ values, body }) => ({
        method,
        route,
        url: urlOf(route, values),
        headers: headersOf(values, body),
        body,
        streams: operation.responses['200']?.content?.['text/event-stream'] !== undefined,
      })),
  )
}

type Values = { in: Parameter['in']; name: string; value: unknown }[]

function parametersOf({ parameters = [] }: Operation, wild: number): fc.Arbitrary<Values> {
  return fc.tuple(
    ...parameters.map(one =>
      fc
        .option(valuesOf(one.schema, wild), { freq: one.in === 'path' ? 1000 : 2, nil: undefined })
        .map(value => ({
          in: one.in,
          name: one.name,
          value: value ?? (one.in === 'path' ? 'x' : undefined),
        })),
    ),
  )
}

function bodyOf({ requestBody }: Operation, wild: number): fc.Arbitrary<string | null> {
  const schema = requestBody?.content['application/json']?.schema
  if (!schema) return fc.constant(null)
  const json = (value: unknown) => JSON.stringify(value) ?? 'null'
  return fc.oneof(
    { weight: 8, arbitrary: valuesOf(schema, wild).map(json) },
    { weight: wild, arbitrary: hostile.map(json) },
    { weight: wild, arbitrary: fc.constantFrom('{', '{"a":', '[]]', '{"__proto__":{"x":1}}', '') },
  )
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

function urlOf(route: string, values: Values): string {
  const path = values
    .filter(one => one.in === 'path')
    .reduce((url, { name, value }) => url.replace(`{${name}}`, encode(wordOf(value)) || 'x'), route)
  const query = values
    .filter(one => one.in === 'query' && one.value !== undefined)
    .map(({ name, value }) => `${encode(name)}=${encode(wordOf(value))}`)
    .join('&')
  return query ? `${path}?${query}` : path
}

const encode = (text: string): string => encodeURIComponent(text.toWellFormed()).slice(0, 4000)

/** HTTP has no other bytes in a header. */
function headersOf(values: Values, body: string | null): Record<string, string> {
  const given = values
    .filter(one => one.in === 'header' && one.value !== undefined)
    .map(({ name, value }) => [
      name,
      wordOf(value)
        .replace(/[^\x20-\x7e]/g, '?')
        .trim()
        .slice(0, 4000),
    ])
  return { ...Object.fromEntries(given), ...(body === null ? {} : { 'content-type': 'application/json' }) }
}
