// Bearer tokens: 256 random bits shown once, kept as their SHA-256; each with a role, the tenants it may see, and an end.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Failure } from '../domain/errors.js'
import type { Role } from '../domain/role.js'
import { parseSubjectId, type SubjectId } from '../domain/subject.js'
import type { Clock } from '../sys/clock.js'
import { guard, type Sqlite } from '../sys/sqlite.js'

export interface Token {
  /** 12 hex digits; part of the token, no secret. */
  id: string
  /** Whose it is; the audit names it. */
  name: string
  role: Role
  /** Null: all of them, and the platform. */
  tenants: readonly SubjectId[] | null
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
}

export interface NewToken {
  name: string
  role: Role
  tenants: readonly SubjectId[] | null
  expiresAt: Date | null
}

export interface Tokens {
  /** @returns the token's text too, which is nowhere kept. @throws Failure usage when a living token has that name. */
  create(token: NewToken): { token: Token; secret: string }
  /** Oldest first, revoked and expired ones too. */
  list(): Token[]
  /** @throws Failure token-unknown */
  revoke(id: string): Token
  /** Whom a token's text belongs to; null when it is wrong, revoked or expired. Takes the same time for each wrong one. */
  verify(text: string): Token | null
}

interface TokenRow {
  id: string
  name: string
  hash: Buffer
  role: Role
  tenants: string | null
  created_at: string
  expires_at: string | null
  revoked_at: string | null
}

const SHAPE = /^gmah_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/
/** Compared with when there is no such id, so that ids cannot be told by the time it takes. */
const NOBODY = Buffer.alloc(32)

// 256 random bits have no dictionary to try: a slow hash would only slow us down.
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Tokens in the table `tokens`. */
export function openTokens(db: Sqlite, clock: Clock): Tokens {
  const one = db.prepare('select * from tokens where id = ?')
  const all = db.prepare('select * from tokens order by created_at, rowid')
  const insert = db.prepare(
    `insert into tokens (id, name, hash, role, tenants, created_at, expires_at)
     values (@id, @name, @hash, @role, @tenants, @created_at, @expires_at)`,
  )
  const end = db.prepare('update tokens set revoked_at = coalesce(revoked_at, ?) where id = ?')
  const list = (): Token[] => guard(db.name, () => (all.all() as TokenRow[]).map(toToken))
  const find = (id: string) => guard(db.name, () => one.get(id) as TokenRow | undefined)
  return {
    list,
    create: token => {
      const now = clock.now()
      if (list().some(other => other.name === token.name && lives(other, now)))
        throw new Failure('usage', `there is a token called ${token.name} already`, {
          hint: 'choose another name, or revoke that one first',
        })
      const id = randomBytes(6).toString('hex')
      const secret = `gmah_${id}_${randomBytes(32).toString('base64url')}`
      const made: Token = { ...token, id, createdAt: now, revokedAt: null }
      guard(db.name, () => insert.run({ ...fromToken(made), hash: digest(secret) }))
      return { token: made, secret }
    },
    revoke: id => {
      guard(db.name, () => end.run(clock.now().toISOString(), id))
      const row = find(id)
      if (!row) throw new Failure('token-unknown', `there is no token ${id}`)
      return toToken(row)
    },
    verify: text => {
      const row = find(SHAPE.exec(text)?.[1] ?? '')
      const same = timingSafeEqual(digest(text), row?.hash ?? NOBODY)
      const token = row ? toToken(row) : null
      return same && token && lives(token, clock.now()) ? token : null
    },
  }
}

const lives = ({ revokedAt, expiresAt }: Token, now: Date): boolean =>
  revokedAt === null && (expiresAt === null || now < expiresAt)

const toToken = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  role: row.role,
  tenants: row.tenants === null ? null : (JSON.parse(row.tenants) as string[]).map(parseSubjectId),
  createdAt: new Date(row.created_at),
  expiresAt: row.expires_at === null ? null : new Date(row.expires_at),
  revokedAt: row.revoked_at === null ? null : new Date(row.revoked_at),
})

const fromToken = (token: Token) => ({
  id: token.id,
  name: token.name,
  role: token.role,
  tenants: token.tenants && JSON.stringify(token.tenants),
  created_at: token.createdAt.toISOString(),
  expires_at: token.expiresAt?.toISOString() ?? null,
})
