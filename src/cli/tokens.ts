// `tokens create|list|revoke`: who may call the HTTP API, as whom, for which tenants and how long.
import { userInfo } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { durationMs } from '../domain/quantity.js'
import { ROLES, type Role } from '../domain/role.js'
import { subjectName, subjectNamed } from '../domain/subject.js'
import type { Token } from '../jobs/tokens.js'
import { act, type Desk, type Doors, type GlobalOptions } from './desk.js'
import { instantText, show } from './output.js'
import { table } from './table.js'

export function tokensCommand(program: Command, doors: Doors): void {
  const tokens = program
    .command('tokens')
    .description('who may call the HTTP API')
    .action((_options, command: Command) => list(doors, command))
  tokens
    .command('list')
    .description('list the tokens; never the tokens themselves')
    .action((_options, command: Command) => list(doors, command))
  createCommand(tokens, doors)
  tokens
    .command('revoke')
    .argument('<id>', 'as `tokens list` shows it')
    .description('make a token worthless at once')
    .action((id: string, _options, command: Command) =>
      act(doors, command, async ({ desk, terminal }) => {
        const token = desk.tokens.revoke(id)
        audit(desk, 'token revoke', token)
        show(terminal, view(token), () => `${token.id} of ${token.name} is revoked`)
        return undefined
      }),
    )
}

interface CreateOptions extends GlobalOptions {
  role: Role
  tenant?: string[]
  expires: number | null
}

function createCommand(tokens: Command, doors: Doors): void {
  tokens
    .command('create')
    .argument('<name>', 'whose it is: a person, or a machine; the audit names it')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('viewer'))
    .option('--tenant <names...>', 'only these tenants; all of them, and the platform, when left out')
    .addOption(
      new Option('--expires <duration>', 'like 90d; `never` for machines that nobody renews')
        .argParser(parseExpiry)
        .default(90 * DAY_MS, '90d'),
    )
    .description('make a token; it is shown once')
    .action((name: string, _options, command: Command) =>
      act<CreateOptions>(doors, command, async ({ desk, terminal, options }) => {
        const { role, tenant, expires } = options
        const { token, secret } = desk.tokens.create({
          name,
          role,
          tenants: tenant ? tenant.map(subjectNamed) : null,
          expiresAt: expires === null ? null : new Date(desk.clock.now().getTime() + expires),
        })
        audit(desk, 'token create', token)
        show(terminal, { ...view(token), token: secret }, () => secret)
        if (!terminal.json)
          terminal.err(
            `${token.id}: ${role} for ${tenantsText(token)}, ${untilText(token)}; it is not shown again`,
          )
        return undefined
      }),
    )
}

const DAY_MS = 86_400_000

function parseExpiry(text: string): number | null {
  if (text === 'never') return null
  const ms = durationMs(text)
  if (ms === null || ms <= 0) throw new InvalidArgumentError('Give a duration like 90d, or never.')
  return ms
}

const list = (doors: Doors, command: Command): Promise<void> =>
  act(doors, command, async ({ desk, terminal }) => {
    show(terminal, desk.tokens.list().map(view), () => listText(desk.tokens.list()))
    return undefined
  })

function listText(tokens: readonly Token[]): string {
  if (tokens.length === 0) return 'no tokens: nobody can call the API; type `gmah-backup tokens create NAME`'
  const rows = tokens.map(token => [token.id, token.name, token.role, tenantsText(token), untilText(token)])
  return table(['id', 'name', 'role', 'tenants', ''], rows)
}

const tenantsText = ({ tenants }: Token): string =>
  tenants ? tenants.map(subjectName).join(', ') : 'all tenants'

function untilText({ revokedAt, expiresAt }: Token): string {
  if (revokedAt) return `revoked ${instantText(revokedAt.toISOString())}`
  return expiresAt ? `until ${instantText(expiresAt.toISOString())}` : 'for ever'
}

const view = (token: Token) => ({ ...token, tenants: token.tenants?.map(subjectName) ?? null })

const audit = (desk: Desk, action: string, token: Token): void =>
  desk.journal.audit({
    who: `${userInfo().username}, command line`,
    action,
    target: `${token.id} ${token.name}`,
    outcome: 'allowed',
    detail: `${token.role} for ${tenantsText(token)}, ${untilText(token)}`,
  })
