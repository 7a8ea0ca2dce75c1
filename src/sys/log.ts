// Structured logs: pino JSON lines, with everything that could be a secret redacted by name.
import { type Logger, pino } from 'pino'

export type { Logger }

const SECRET_NAMES = [
  'password',
  'secretAccessKey',
  'accessKeyId',
  'identity',
  'token',
  'authorization',
  'PGPASSWORD',
]

/** A logger that writes JSON lines to `fd` (default stdout). Paths of secrets are redacted two levels deep. */
export function createLogger(options: { level: string; fd?: number }): Logger {
  return pino(
    {
      level: options.level,
      base: { service: 'gmah-backup' },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_NAMES.flatMap(name => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[redacted]',
      },
    },
    pino.destination({ fd: options.fd ?? 1, sync: false }),
  )
}

/** A logger that says nothing, for commands whose output is for people. */
export const silentLogger = (): Logger => pino({ level: 'silent' })
