// Errors over HTTP: problem documents (RFC 9457) with our code and hint, the same for every route.
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { asFailure, type ErrorCode, Failure } from '../domain/errors.js'
import { redactText } from '../domain/redact.js'

export interface ProblemDocument {
  /** `urn:gmah-backup:error:<code>` */
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode | 'not-found'
  hint: string
}

const SEE_API = 'see docs/api.md, or /docs on this server, for what it takes'
const CONTENT_TYPE = 'application/problem+json'

/** The document for a failure; `status` replaces the error table's. */
function problemDocument(failure: Failure, status: number = failure.http): ProblemDocument {
  return {
    type: `urn:gmah-backup:error:${failure.code}`,
    title: failure.code.replaceAll('-', ' '),
    status,
    detail: redactText(failure.message),
    code: failure.code,
    hint: failure.hint,
  }
}

/** Makes the server answer every error with a problem document; what we did not foresee is logged and said to be a bug. */
export function answerProblems(server: FastifyInstance): void {
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    const failure = failureOf(error)
    request.problem = failure
    if (failure.code === 'unexpected') request.log.error({ err: error }, 'a request failed')
    const status = failure.code === 'usage' ? (error.statusCode ?? failure.http) : failure.http
    return reply.status(status).type(CONTENT_TYPE).send(problemDocument(failure, status))
  })
  server.setNotFoundHandler((request, reply) => {
    const detail = `there is no ${request.method} ${request.url.split('?')[0]}`
    const document = {
      type: 'about:blank',
      title: 'not found',
      status: 404,
      detail,
      code: 'not-found',
      hint: SEE_API,
    }
    return reply.status(404).type(CONTENT_TYPE).send(document)
  })
}

/** A path that cannot be read, or has a part that is too long. */
export function answerUnroutable(error: FastifyError, reply: FastifyReply): void {
  const failure = new Failure('usage', 'the path cannot be read', { cause: error, hint: SEE_API })
  reply
    .status(400)
    .type(CONTENT_TYPE)
    .send(JSON.stringify(problemDocument(failure)))
}

function failureOf(error: FastifyError): Failure {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const first = error.validation[0]
    return new Failure(
      'usage',
      `${error.validationContext} ${first?.instancePath ?? ''}: ${first?.message ?? ''}`,
      { hint: SEE_API },
    )
  }
  const clientError = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  return clientError ? new Failure('usage', error.message, { cause: error, hint: SEE_API }) : asFailure(error)
}
