// One request to Hetzner with the official clients' retry policy, deadlines, and respect for the project's request limit.
// The token leaves in the Authorization header and nowhere else.
import { z } from 'zod'
import type { Clock } from '../sys/clock.js'
import { withDeadline } from '../sys/interruption.js'
import { retry } from '../sys/retry.js'
import { isWorthAgain, noAnswer, refusal, strangeAnswer } from './errors.js'
import { errorSchema, paginationSchema } from './shapes.js'

export interface HetznerAccess {
  /** https://api.hetzner.cloud/v1, or a loopback address in tests; without a slash at its end. */
  endpoint: string
  token: string
}

export interface HttpOptions {
  clock: Clock
  /** One request, with its answer. */
  timeoutMs?: number
}

export interface Call<T> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  query?: Readonly<Record<string, string>>
  body?: object
  schema: z.ZodType<T>
  signal: AbortSignal
  /** Not safe to repeat: only what was surely not carried out is tried again. */
  once?: boolean
}

export interface Http {
  /** @throws Failure hetzner-*, server-locked, snapshot-limit, snapshot-protected; see errors.ts for its facts. */
  call<T>(call: Call<T>): Promise<T>
  /** Every item of every page. @param list the name of the list in the answers. */
  all<T>(
    path: string,
    list: string,
    item: z.ZodType<T>,
    query: Record<string, string>,
    signal: AbortSignal,
  ): Promise<T[]>
}

const TIMEOUT_MS = 60_000
const TRIES = 5
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
const PER_PAGE = '50'
/** The limit refills by one a second: with fewer left than this, the others of the project come first. */
const FEW_LEFT = 20
const REFILL_PAUSE_MS = 5_000

export function hetznerHttp(access: HetznerAccess, { clock, timeoutMs = TIMEOUT_MS }: HttpOptions): Http {
  let fewLeft = false
  const attempt = async <T>(call: Call<T>): Promise<T> => {
    if (fewLeft) await clock.sleep(REFILL_PAUSE_MS, call.signal)
    const name = `${call.method} ${call.path}`
    const late = noAnswer(name, `no answer within ${Math.round(timeoutMs / 1000)} s`)
    const { answer, text } = await withDeadline({ ms: timeoutMs, late, signal: call.signal }, signal =>
      send(access, call, name, signal),
    )
    const left = answer.headers.get('ratelimit-remaining')
    fewLeft = left !== null && Number(left) < FEW_LEFT
    return understand(call, name, answer, text)
  }
  const call = <T>(one: Call<T>): Promise<T> =>
    retry(() => attempt(one), {
      clock,
      signal: one.signal,
      budgetMs: Number.POSITIVE_INFINITY,
      baseMs: FIRST_PAUSE_MS,
      capMs: LONGEST_PAUSE_MS,
      worth: (failure, tries) =>
        tries < TRIES && isWorthAgain(failure) && !(one.once && failure.facts.unclear === true),
    })
  return { call, all: (...asked) => allPages(call, ...asked) }
}

async function send<T>(access: HetznerAccess, call: Call<T>, name: string, signal: AbortSignal) {
  const query = call.query ? `?${new URLSearchParams(call.query)}` : ''
  try {
    const answer = await fetch(`${access.endpoint}${call.path}${query}`, {
      method: call.method,
      headers: {
        authorization: `Bearer ${access.token}`,
        accept: 'application/json',
        ...(call.body ? { 'content-type': 'application/json' } : {}),
      },
      ...(call.body ? { body: JSON.stringify(call.body) } : {}),
      // A redirect would carry the token elsewhere.
      redirect: 'error',
      signal,
    })
    return { answer, text: await answer.text() }
  } catch (cause) {
    if (signal.aborted) throw cause
    throw noAnswer(name, 'the connection failed', cause)
  }
}

function understand<T>(call: Call<T>, name: string, answer: Response, text: string): T {
  const json = parse(text)
  if (!answer.ok) {
    const told = errorSchema.safeParse(json)
    throw refusal(name, {
      status: answer.status,
      code: told.success ? told.data.error.code : null,
      message: told.success ? told.data.error.message : `status ${answer.status}`,
      correlation: answer.headers.get('x-correlation-id'),
    })
  }
  const found = call.schema.safeParse(json)
  if (!found.success) throw strangeAnswer(name, found.error)
  return found.data
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return undefined
  }
}

async function allPages<T>(
  call: Http['call'],
  path: string,
  list: string,
  item: z.ZodType<T>,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<T[]> {
  const schema = z.object({ [list]: z.array(item), meta: paginationSchema })
  const found: T[] = []
  for (let page: number | null = 1; page !== null; ) {
    const asked = { ...query, page: String(page), per_page: PER_PAGE }
    const answer: z.infer<typeof schema> = await call({ method: 'GET', path, query: asked, schema, signal })
    found.push(...(answer[list] as T[]))
    page = (answer.meta as z.infer<typeof paginationSchema>).pagination.next_page
  }
  return found
}
