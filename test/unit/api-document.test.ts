// The OpenAPI document: a valid one, that says of each route what it is for, what it answers and what it asks for.
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { openApi } from '../kit/api.js'

interface Operation {
  summary?: string
  tags?: string[]
  security?: object[]
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>
  parameters?: { schema: object }[]
  requestBody?: { content: Record<string, { schema: object }> }
}

const document = async (ask: Awaited<ReturnType<typeof openApi>>['ask']) =>
  (await ask('GET', '/v1/openapi.json')).json() as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
  }

test('each route says what it is for, what it answers and what it asks for', async () => {
  const { ask } = await openApi()
  const { openapi, paths } = await document(ask)
  expect(openapi).toBe('3.1.0')
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path: `${method} ${path}`, operation })),
  )
  expect(operations.length).toBeGreaterThan(15)
  for (const { path, operation } of operations) {
    expect.soft(operation.summary, path).toMatch(/\w/)
    expect.soft(operation.tags, path).toHaveLength(1)
    if (path.includes('/v1/')) {
      expect.soft(operation.security, path).toEqual([{ token: [] }])
      for (const status of ['400', '401', '403', '404', '409', '429', '500'])
        expect
          .soft(operation.responses[status]?.content, `${path} ${status}`)
          .toHaveProperty(['application/problem+json'])
    }
    const schemas = [
      ...Object.values(operation.responses).flatMap(one => Object.values(one.content ?? {})),
      ...(operation.parameters ?? []),
      ...Object.values(operation.requestBody?.content ?? {}),
    ].map(one => one.schema)
    for (const schema of schemas) expect.soft(ajv.validateSchema(schema), path).toBe(true)
  }
})

test('the page that shows it is there', async () => {
  const { ask } = await openApi()
  const page = await ask('GET', '/docs/')
  expect(page.status).toBe(200)
  expect(page.headers['content-security-policy']).toContain("default-src 'self'")
})

test('docs/api.md names every route, and no other', async () => {
  const { ask } = await openApi()
  const { paths } = await document(ask)
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    path.startsWith('/v1/') ? Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`) : [],
  )
  const told = [
    ...readFileSync('docs/api.md', 'utf8').matchAll(/^\| `((?:GET|POST|PUT|DELETE) \/v1\/\S+)`/gm),
  ].map(match => match[1])
  expect(told.sort()).toEqual(routes.sort())
})
