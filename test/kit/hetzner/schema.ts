// Holds every request and every answer against Hetzner's own description, whose path is in HETZNER_OPENAPI.
import { existsSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

interface Operation {
  parameters?: { name: string; in: string; schema: { items?: unknown } }[]
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, { $ref?: string; content?: Record<string, unknown> }>
}

export interface Description {
  /** @returns what is wrong with the request; empty when nothing is. */
  request(method: string, path: string, query: URLSearchParams, body: unknown): string[]
  answer(method: string, path: string, status: number, body: unknown): string[]
}

export const OPENAPI = process.env.HETZNER_OPENAPI ?? ''
export const isDescribed = OPENAPI !== '' && existsSync(OPENAPI)

/** Null, said loudly, where there is no description to hold anything against. */
export function readDescription(): Description | null {
  if (!isDescribed) {
    console.warn(
      'HETZNER_OPENAPI names no file: requests and answers are NOT held against the API description',
    )
    return null
  }
  const document = JSON.parse(readFileSync(OPENAPI, 'utf8')) as {
    paths: Record<string, Record<string, Operation>>
  }
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true, coerceTypes: false })
  ;(addFormats as unknown as (one: Ajv2020) => void)(ajv)
  for (const format of ['int32', 'int64', 'decimal']) ajv.addFormat(format, true)
  ajv.addSchema({ ...document, $id: 'hetzner' })
  const check = (pointer: string, value: unknown, name: string): string[] => {
    const validate = ajv.getSchema(`hetzner#${pointer}`) ?? ajv.compile({ $ref: `hetzner#${pointer}` })
    return validate(value)
      ? []
      : (validate.errors ?? []).map(one => `${name}${one.instancePath}: ${one.message}`)
  }
  const find = (method: string, path: string) => {
    const template = Object.keys(document.paths).find(one =>
      new RegExp(`^${one.replace(/\{id\}/g, '\\d+')}$`).test(path),
    )
    const operation = template && document.paths[template]?.[method.toLowerCase()]
    return operation
      ? { operation, pointer: `/paths/${pointerPart(template)}/${method.toLowerCase()}` }
      : null
  }
  return {
    request: (method, path, query, body) => {
      const found = find(method, path)
      if (!found) return [`${method} ${path} is no operation`]
      const { operation, pointer } = found
      const known = operation.parameters ?? []
      const strange = [...query.keys()].filter(
        name => !known.some(one => one.in === 'query' && one.name === name),
      )
      const wrong = known.flatMap((one, at) => {
        const given = one.in === 'query' ? query.get(one.name) : null
        if (given === null) return []
        const value = /^\d+$/.test(given) && !one.schema.items ? Number(given) : given
        return check(`${pointer}/parameters/${at}/schema`, one.schema.items ? [value] : value, one.name)
      })
      const content = operation.requestBody?.content['application/json']
      const bodies = content
        ? check(`${pointer}/requestBody/content/application~1json/schema`, body, 'body')
        : []
      return [...strange.map(name => `${path}: no parameter ${name}`), ...wrong, ...bodies]
    },
    answer: (method, path, status, body) => {
      const found = find(method, path)
      if (!found) return []
      const { operation, pointer } = found
      const answer = operation.responses[String(status)]
      if (!answer) return [`${method} ${path} never answers ${status}`]
      const at = answer.$ref ? answer.$ref.slice(1) : `${pointer}/responses/${status}`
      if (body === undefined) return []
      return check(`${at}/content/application~1json/schema`, body, `${method} ${path} ${status}`)
    },
  }
}

const pointerPart = (path: string): string =>
  encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'))
